import type { MoeError } from '../../../shared/protocol/errors.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { ScoredToken } from '../generate/choice-assembler.ts'
import { NO_TIMINGS } from '../generate/generation.ts'
import type { ChoiceTimings } from '../generate/generation.ts'
import type { ChatFinishReason, ChatOutput } from './chat-call.ts'

/** A whole choice of a chat, for an answer in one piece. */
export interface CollectedChat {
  text: string
  reasoning: string
  readonly toolCalls: { readonly id: string; readonly name: string; arguments: string }[]
  readonly ids: number[]
  readonly scored: ScoredToken[]
  reason: ChatFinishReason
  stop: string | null
  completionTokens: number
  cachedTokens: number
  timings: ChoiceTimings
}

/** All choices in the order of their index; the first error is the answer. */
export async function collectChat(outputs: AsyncIterable<ChatOutput>, n: number): Promise<Result<CollectedChat[], MoeError>> {
  const choices = Array.from({ length: n }, emptyChoice)
  for await (const output of outputs) {
    if (output.type === 'error') return err(output.error)
    const choice = choices[output.index]
    if (choice === undefined) throw new Error(`choice ${output.index} of ${n}`)
    addOutput(choice, output)
  }
  return ok(choices)
}

function emptyChoice(): CollectedChat {
  return {
    text: '',
    reasoning: '',
    toolCalls: [],
    ids: [],
    scored: [],
    reason: 'stop',
    stop: null,
    completionTokens: 0,
    cachedTokens: 0,
    timings: NO_TIMINGS,
  }
}

function addOutput(choice: CollectedChat, output: Exclude<ChatOutput, { type: 'error' }>): void {
  switch (output.type) {
    case 'text':
      choice.text += output.text
      for (const id of output.ids) choice.ids.push(id) // one by one: a call takes about 120,000 arguments
      for (const token of output.scored) choice.scored.push(token)
      return
    case 'reasoning':
      choice.reasoning += output.text
      return
    case 'tool-call':
      choice.toolCalls[output.call] = { id: output.id, name: output.name, arguments: '' }
      return
    case 'tool-arguments':
      choice.toolCalls[output.call]!.arguments += output.text
      return
    case 'finish':
      choice.reason = output.reason
      choice.stop = output.stop
      choice.completionTokens = output.completionTokens
      choice.cachedTokens = output.cachedTokens
      choice.timings = output.timings
  }
}
