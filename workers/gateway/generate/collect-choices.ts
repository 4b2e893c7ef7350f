import type { FinishReason, TokenLogprob } from '../../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { ScoredToken } from './choice-assembler.ts'
import { NO_TIMINGS } from './generation.ts'
import type { ChoiceOutput, ChoiceTimings } from './generation.ts'

/** A whole choice, for an answer in one piece. */
export interface CollectedChoice {
  readonly prompt: TokenLogprob[]
  text: string
  readonly ids: number[]
  readonly scored: ScoredToken[]
  reason: FinishReason
  completionTokens: number
  cachedTokens: number
  timings: ChoiceTimings
}

/** All choices in the order of their index; the first error is the answer. */
export async function collectChoices(outputs: AsyncIterable<ChoiceOutput>, count: number): Promise<Result<CollectedChoice[], MoeError>> {
  const choices = Array.from({ length: count }, (): CollectedChoice => ({
    prompt: [],
    text: '',
    ids: [],
    scored: [],
    reason: 'stop',
    completionTokens: 0,
    cachedTokens: 0,
    timings: NO_TIMINGS,
  }))
  for await (const output of outputs) {
    if (output.type === 'error') return err(output.error)
    const choice = choices[output.index]
    if (choice === undefined) throw new Error(`choice ${output.index} of ${count}`)
    if (output.type === 'prompt') {
      for (const token of output.tokens) choice.prompt.push(token) // one by one: a call takes about 120,000 arguments
    } else if (output.type === 'piece') {
      choice.text += output.text
      for (const id of output.ids) choice.ids.push(id)
      for (const token of output.scored) choice.scored.push(token)
    } else {
      choice.reason = output.reason
      choice.completionTokens = output.completionTokens
      choice.cachedTokens = output.cachedTokens
      choice.timings = output.timings
    }
  }
  return ok(choices)
}
