import type { MoeError } from '../../../shared/protocol/errors.ts'
import { answerBlocks } from '../chat/answer-blocks.ts'
import type { AnswerBlock, AnswerFinish } from '../chat/answer-blocks.ts'
import type { ChatOutput } from '../chat/chat-call.ts'
import { anthropicError } from '../http/anthropic-errors.ts'
import { errorEnvelope, statusOf } from '../http/errors.ts'
import { namedEvent } from '../http/sse.ts'

/** What an answer of /v1/messages says of its request. */
export interface MessageView {
  readonly requestId: string
  readonly model: string
  readonly promptTokens: number
  readonly maxTokens: number
}

/** The answer in one piece. */
export function messageAnswer(
  view: MessageView,
  { blocks, finish }: { readonly blocks: readonly { readonly block: AnswerBlock; readonly cut: boolean }[]; readonly finish: AnswerFinish },
) {
  return messageObject(
    view,
    blocks.map(({ block }) => contentBlock(block)),
    finish,
  )
}

/**
 * The answer as Anthropic's events: message_start and a ping, each block from start to stop, message_delta with the reason and the usage,
 * message_stop. An `error` event is the last. SPEC AP13.
 */
export async function* messageEvents(view: MessageView, outputs: AsyncIterable<ChatOutput>): AsyncGenerator<string, void> {
  yield namedEvent('message_start', { message: messageObject(view, [], null) })
  yield namedEvent('ping', {})
  for await (const part of answerBlocks(outputs)) {
    switch (part.type) {
      case 'open':
        yield namedEvent('content_block_start', { index: part.at, content_block: emptyBlock(part.block) })
        break
      case 'text':
        if (part.text !== '') yield namedEvent('content_block_delta', { index: part.at, delta: { type: 'text_delta', text: part.text } })
        break
      case 'arguments':
        yield namedEvent('content_block_delta', { index: part.at, delta: { type: 'input_json_delta', partial_json: part.text } })
        break
      case 'close':
        yield namedEvent('content_block_stop', { index: part.at })
        break
      case 'finish':
        yield namedEvent('message_delta', { delta: stopOf(view, part), usage: usageOf(view, part) })
        yield namedEvent('message_stop', {})
        break
      case 'error':
        yield errorEvent(view, part.error)
    }
  }
}

/** How a failure is told in the middle of a stream. */
export function errorEvent({ requestId }: Pick<MessageView, 'requestId'>, error: MoeError): string {
  const { type, ...fields } = anthropicError(statusOf(error), errorEnvelope(error).error.message, requestId)
  return namedEvent(type, fields)
}

function messageObject(view: MessageView, content: readonly object[], finish: AnswerFinish | null) {
  return {
    id: `msg_${view.requestId}`,
    type: 'message',
    role: 'assistant',
    model: view.model,
    content,
    ...(finish === null ? { stop_reason: null, stop_sequence: null } : stopOf(view, finish)),
    usage: usageOf(view, finish),
  }
}

function stopOf({ maxTokens }: MessageView, { reason, stop, completionTokens }: AnswerFinish) {
  if (reason === 'tool_calls') return { stop_reason: 'tool_use', stop_sequence: null }
  if (reason === 'length') return { stop_reason: completionTokens < maxTokens ? 'model_context_window_exceeded' : 'max_tokens', stop_sequence: null }
  return { stop_reason: stop === null ? 'end_turn' : 'stop_sequence', stop_sequence: stop }
}

/** Anthropic counts what was read from a cache apart. It is known at the end only: a stream begins with the whole prompt as read anew. */
function usageOf({ promptTokens }: MessageView, finish: AnswerFinish | null) {
  const cached = finish?.cachedTokens ?? 0
  return {
    input_tokens: promptTokens - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: finish?.completionTokens ?? 0,
  }
}

function emptyBlock(block: AnswerBlock) {
  return block.kind === 'text' ? { type: 'text', text: '' } : { type: 'tool_use', id: block.id, name: block.name, input: {} }
}

function contentBlock(block: AnswerBlock) {
  if (block.kind === 'text') return { type: 'text', text: block.text }
  return { type: 'tool_use', id: block.id, name: block.name, input: inputOf(block.arguments) }
}

/** Arguments are what the model wrote, or what the token limit left of it: where that is no object it stands under the name that Anthropic gives it. */
function inputOf(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    const input: unknown = JSON.parse(text)
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input
  } catch {
    // not JSON: shown below as it is
  }
  return { INVALID_JSON: text }
}
