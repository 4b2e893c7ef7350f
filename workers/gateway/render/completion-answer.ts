import type { FinishReason, TokenLogprob } from '../../../shared/protocol/engine-api.ts'
import { errorEnvelope } from '../http/errors.ts'
import { SSE_DONE, sseEvent } from '../http/sse.ts'
import { countCodePoints } from '../generate/choice-assembler.ts'
import type { ScoredToken } from '../generate/choice-assembler.ts'
import type { CollectedChoice } from '../generate/collect-choices.ts'
import type { ChoiceOutput } from '../generate/generation.ts'
import type { Prompt } from '../generate/prompt-tokens.ts'
import type { TextCodec } from '../model/text-codec.ts'
import type { AnswerMeta } from './answer-meta.ts'
import { behindPrompt, completionLogprobs, scorePrompt } from './completion-logprobs.ts'
import type { CompletionLogprobs } from './completion-logprobs.ts'
import { timingsOf } from './timings.ts'
import type { TimedChoice } from './timings.ts'
import { usageOf } from './usage.ts'

/** What the client asked to see of a completion. */
export interface CompletionView {
  readonly meta: AnswerMeta
  readonly codec: TextCodec | null
  /** Choice i belongs to prompt ⌊i / n⌋. */
  readonly prompts: readonly Prompt[]
  readonly n: number
  readonly echo: boolean
  readonly logprobs: boolean
  readonly tokenIds: boolean
  /** For streams: a chunk with the usage at the end. */
  readonly usage: boolean
  /** How long the parts took: in the answer, or in the last chunk that has anything. */
  readonly timings: boolean
}

interface CompletionChoice {
  readonly index: number
  readonly text: string
  readonly logprobs: CompletionLogprobs | null
  readonly finish_reason: FinishReason | null
  readonly token_ids?: readonly number[]
}

interface ChoiceParts {
  readonly text: string
  readonly scored: readonly ScoredToken[]
  readonly ids: readonly number[]
  readonly reason: FinishReason | null
}

/** The answer in one piece. */
export function completionAnswer(view: CompletionView, choices: readonly CollectedChoice[]) {
  const rendered = choices.map((choice, index) => {
    const echoed = echoOf(view, index, choice.prompt)
    const scored = [...echoed.scored, ...behindPrompt(choice.scored, countCodePoints(echoed.text))]
    return choiceOf(view, index, { text: echoed.text + choice.text, scored, ids: choice.ids, reason: choice.reason })
  })
  return { ...view.meta, choices: rendered, usage: usageOf(view.prompts, choices), ...(view.timings && { timings: timingsOf(view.prompts, choices) }) }
}

/** The answer as server-sent events. SPEC AP4. */
export async function* completionEvents(view: CompletionView, outputs: AsyncIterable<ChoiceOutput>): AsyncGenerator<string, void> {
  const used: TimedChoice[] = []
  let open = view.prompts.length * view.n
  const timings = () => view.timings && { timings: timingsOf(view.prompts, used) }
  const chunk = (choice: CompletionChoice, isLast = false): string =>
    sseEvent({ ...view.meta, choices: [choice], ...(view.usage ? { usage: null } : isLast && timings()) })
  const points = view.prompts.flatMap((prompt) => Array<number>(view.n).fill(countCodePoints(echoText(view, prompt))))
  // With log-probabilities an echoed prompt waits for the engine's numbers.
  if (view.echo && !view.logprobs) {
    for (const index of points.keys()) yield chunk(choiceOf(view, index, { ...echoOf(view, index, []), ids: [], reason: null }))
  }
  for await (const output of outputs) {
    if (output.type === 'error') {
      yield sseEvent(errorEnvelope(output.error))
      return
    }
    const { index } = output
    if (output.type === 'prompt') {
      if (view.echo && view.logprobs) yield chunk(choiceOf(view, index, { ...echoOf(view, index, output.tokens), ids: [], reason: null }))
    } else if (output.type === 'piece') {
      const seen = output.text !== '' || (view.logprobs && output.scored.length > 0) || (view.tokenIds && output.ids.length > 0)
      if (seen) yield chunk(choiceOf(view, index, { ...output, scored: behindPrompt(output.scored, points[index] ?? 0), reason: null }))
    } else {
      used[output.index] = output
      yield chunk({ index, text: '', logprobs: null, finish_reason: output.reason, ...(view.tokenIds && { token_ids: [] }) }, --open === 0)
    }
  }
  if (view.usage) yield sseEvent({ ...view.meta, choices: [], usage: usageOf(view.prompts, used), ...timings() })
  yield SSE_DONE
}

/** The prompt of a choice as it repeats it; nothing without echo. */
function echoOf(view: CompletionView, index: number, tokens: readonly TokenLogprob[]): { text: string; scored: ScoredToken[] } {
  const text = echoText(view, view.prompts[Math.floor(index / view.n)])
  return { text, scored: view.echo ? scorePrompt(view.codec, tokens, text) : [] }
}

function echoText(view: CompletionView, prompt: Prompt | undefined): string {
  if (!view.echo || prompt === undefined) return ''
  return prompt.text ?? view.codec?.decode(prompt.ids) ?? ''
}

function choiceOf(view: CompletionView, index: number, { text, scored, ids, reason }: ChoiceParts): CompletionChoice {
  const logprobs = view.logprobs ? completionLogprobs(view.codec, scored) : null
  return { index, text, logprobs, finish_reason: reason, ...(view.tokenIds && { token_ids: ids }) }
}
