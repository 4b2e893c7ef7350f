import { NO_TIMINGS } from '../../generate/generation.ts'
import type { ChatFinishReason, ChatOutput } from '../chat-call.ts'

export const textOutput = (text: string): ChatOutput => ({ type: 'text', index: 0, text, ids: [], scored: [] })

export function finishOutput(reason: ChatFinishReason, rest: { readonly stop?: string; readonly cachedTokens?: number } = {}): ChatOutput {
  return { type: 'finish', index: 0, reason, stop: null, completionTokens: 5, cachedTokens: 0, reasoningTokens: 0, timings: NO_TIMINGS, ...rest }
}

/** A text, then two calls: what a model does that looks two things up. */
export const TWO_CALLS: readonly ChatOutput[] = [
  textOutput('Let me '),
  textOutput('look.'),
  { type: 'tool-call', index: 0, call: 0, id: 'call_a', name: 'weather' },
  { type: 'tool-arguments', index: 0, call: 0, text: '{"city":' },
  { type: 'tool-arguments', index: 0, call: 0, text: '"Oslo"}' },
  { type: 'tool-call', index: 0, call: 1, id: 'call_b', name: 'time' },
  { type: 'tool-arguments', index: 0, call: 1, text: '{}' },
  finishOutput('tool_calls', { cachedTokens: 16 }),
]

export async function* chatOutputs(outputs: readonly ChatOutput[]): AsyncGenerator<ChatOutput, void> {
  yield* outputs
}
