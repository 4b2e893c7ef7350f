import { z } from 'zod'
import { AnthropicErrorBody } from './errors.ts'

const count = z.int().min(0)
const usage = z.object({
  input_tokens: count.meta({ description: 'Without those read from the cache.' }),
  cache_creation_input_tokens: count,
  cache_read_input_tokens: count,
  output_tokens: count,
})
const stop = {
  stop_reason: z.enum(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'model_context_window_exceeded']).nullable(),
  stop_sequence: z.string().nullable(),
}
const block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.record(z.string(), z.unknown()) }),
])

/** Anthropic's Message. */
export const MessageAnswer = z
  .object({ id: z.string(), type: z.literal('message'), role: z.literal('assistant'), model: z.string(), content: z.array(block), ...stop, usage })
  .meta({ id: 'Message' })

const delta = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text_delta'), text: z.string() }),
  z.object({ type: z.literal('input_json_delta'), partial_json: z.string() }),
])

export const MessageEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('message_start'), message: MessageAnswer }),
    z.object({ type: z.literal('ping') }),
    z.object({ type: z.literal('content_block_start'), index: count, content_block: block }),
    z.object({ type: z.literal('content_block_delta'), index: count, delta }),
    z.object({ type: z.literal('content_block_stop'), index: count }),
    z.object({ type: z.literal('message_delta'), delta: z.object(stop), usage }),
    z.object({ type: z.literal('message_stop') }),
    AnthropicErrorBody,
  ])
  .meta({ id: 'MessageEvent', description: 'The event’s name is its `type`. `message_stop` or `error` is the last.' })

export const TokenCount = z.object({ input_tokens: count }).meta({ id: 'TokenCount' })
