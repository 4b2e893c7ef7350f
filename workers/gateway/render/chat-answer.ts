import type { FinishReason } from '../../../shared/protocol/engine-api.ts'
import { errorEnvelope } from '../http/errors.ts'
import { SSE_DONE, sseEvent } from '../http/sse.ts'
import type { CollectedChoice } from '../generate/collect-choices.ts'
import type { ChoiceOutput } from '../generate/generation.ts'
import type { Prompt } from '../generate/prompt-tokens.ts'
import type { TextCodec } from '../model/text-codec.ts'
import type { AnswerMeta } from './answer-meta.ts'
import { chatLogprobs } from './chat-logprobs.ts'
import type { ChatLogprobs } from './chat-logprobs.ts'
import { usageOf } from './usage.ts'
import type { ChoiceUsage } from './usage.ts'

/** What the client asked to see of a chat. */
export interface ChatView {
  readonly meta: AnswerMeta
  readonly codec: TextCodec
  readonly prompt: Prompt
  readonly n: number
  readonly logprobs: boolean
  readonly tokenIds: boolean
  /** For streams: a chunk with the usage at the end. */
  readonly usage: boolean
}

interface ChatDelta {
  readonly role?: 'assistant'
  readonly content?: string
  readonly refusal?: null
}

interface ChunkParts {
  readonly logprobs?: ChatLogprobs | null
  readonly reason?: FinishReason | null
  readonly ids?: readonly number[]
}

/** The answer in one piece. */
export function chatAnswer(view: ChatView, choices: readonly CollectedChoice[]) {
  const rendered = choices.map((choice, index) => ({
    index,
    message: { role: 'assistant', content: choice.text, refusal: null },
    logprobs: view.logprobs ? chatLogprobs(view.codec, choice.scored) : null,
    finish_reason: choice.reason,
    ...(view.tokenIds && { token_ids: choice.ids }),
  }))
  return { ...view.meta, choices: rendered, usage: usageOf([view.prompt], choices) }
}

/** The answer as server-sent events: each choice begins with its role and ends with its reason. SPEC AP4. */
export async function* chatEvents(view: ChatView, outputs: AsyncIterable<ChoiceOutput>): AsyncGenerator<string, void> {
  const used: ChoiceUsage[] = []
  const chunk = (index: number, delta: ChatDelta, { logprobs = null, reason = null, ids = [] }: ChunkParts = {}): string => {
    const choice = { index, delta, logprobs, finish_reason: reason, ...(view.tokenIds && { token_ids: ids }) }
    return sseEvent({ ...view.meta, choices: [choice], ...(view.usage && { usage: null }) })
  }
  for (let index = 0; index < view.n; index++) yield chunk(index, { role: 'assistant', content: '', refusal: null })
  for await (const output of outputs) {
    if (output.type === 'error') {
      yield sseEvent(errorEnvelope(output.error))
      return
    }
    if (output.type === 'piece') {
      const { index, text, ids, scored } = output
      const seen = text !== '' || (view.logprobs && scored.length > 0) || (view.tokenIds && ids.length > 0)
      if (seen) yield chunk(index, { content: text }, { logprobs: view.logprobs ? chatLogprobs(view.codec, scored) : null, ids })
    } else if (output.type === 'finish') {
      used[output.index] = output
      yield chunk(output.index, {}, { reason: output.reason })
    }
  }
  if (view.usage) yield sseEvent({ ...view.meta, choices: [], usage: usageOf([view.prompt], used) })
  yield SSE_DONE
}
