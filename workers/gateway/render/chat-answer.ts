import { errorEnvelope } from '../http/errors.ts'
import { SSE_DONE, sseEvent } from '../http/sse.ts'
import type { ChatFinishReason, ChatOutput } from '../chat/chat-call.ts'
import type { CollectedChat } from '../chat/collect-chat.ts'
import type { Prompt } from '../generate/prompt-tokens.ts'
import type { TextCodec } from '../model/text-codec.ts'
import type { AnswerMeta } from './answer-meta.ts'
import { chatLogprobs } from './chat-logprobs.ts'
import type { ChatLogprobs } from './chat-logprobs.ts'
import { timingsOf } from './timings.ts'
import type { TimedChoice } from './timings.ts'
import { usageOf } from './usage.ts'

/** What the client asked to see of a chat. */
export interface ChatView {
  readonly meta: AnswerMeta
  readonly codec: TextCodec
  readonly prompt: Prompt
  readonly n: number
  readonly logprobs: boolean
  readonly tokenIds: boolean
  /** The request named the tool: then OpenAI's reason is `stop`, though there is a call. */
  readonly named: boolean
  /** For streams: a chunk with the usage at the end. */
  readonly usage: boolean
  /** How long the parts took: in the answer, or in the last chunk that has anything. */
  readonly timings: boolean
}

/** The first of a call has its id and name, later ones only arguments. */
interface ToolCallDelta {
  readonly index: number
  readonly id?: string
  readonly type?: 'function'
  readonly function: { readonly name?: string; readonly arguments: string }
}

interface ChatDelta {
  readonly role?: 'assistant'
  readonly content?: string
  /** What DeepSeek's and vLLM's APIs call it; OpenAI's shows none. */
  readonly reasoning_content?: string
  readonly refusal?: null
  readonly tool_calls?: readonly ToolCallDelta[]
}

interface ChunkParts {
  readonly logprobs?: ChatLogprobs | null
  readonly reason?: ChatFinishReason | null
  readonly ids?: readonly number[]
  /** Of the stream, but for the usage. */
  readonly isLast?: boolean
}

/** The answer in one piece. */
export function chatAnswer(view: ChatView, choices: readonly CollectedChat[]) {
  const rendered = choices.map((choice, index) => ({
    index,
    message: messageOf(choice),
    logprobs: view.logprobs ? chatLogprobs(view.codec, choice.scored) : null,
    finish_reason: reasonOf(view, choice.reason),
    ...(view.tokenIds && { token_ids: choice.ids }),
  }))
  return { ...view.meta, choices: rendered, usage: usageOf([view.prompt], choices), ...(view.timings && { timings: timingsOf([view.prompt], choices) }) }
}

/** `content` is null where there are tool calls and nothing else, as OpenAI's. */
function messageOf({ text, reasoning, toolCalls }: CollectedChat) {
  const calls = toolCalls.map(({ id, name, arguments: args }) => ({ id, type: 'function', function: { name, arguments: args } }))
  const content = text === '' && calls.length > 0 ? null : text
  return {
    role: 'assistant',
    content,
    refusal: null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}

function reasonOf(view: ChatView, reason: ChatFinishReason): ChatFinishReason {
  return view.named && reason === 'tool_calls' ? 'stop' : reason
}

/** The answer as server-sent events: each choice begins with its role and ends with its reason. SPEC AP4. */
export async function* chatEvents(view: ChatView, outputs: AsyncIterable<ChatOutput>): AsyncGenerator<string, void> {
  const used: TimedChoice[] = []
  let open = view.n
  const timings = () => view.timings && { timings: timingsOf([view.prompt], used) }
  const chunk = (index: number, delta: ChatDelta, { logprobs = null, reason = null, ids = [], isLast = false }: ChunkParts = {}): string => {
    const choice = { index, delta, logprobs, finish_reason: reason, ...(view.tokenIds && { token_ids: ids }) }
    return sseEvent({ ...view.meta, choices: [choice], ...(view.usage ? { usage: null } : isLast && timings()) })
  }
  for (let index = 0; index < view.n; index++) yield chunk(index, { role: 'assistant', content: '', refusal: null })
  for await (const output of outputs) {
    if (output.type === 'error') {
      yield sseEvent(errorEnvelope(output.error))
      return
    }
    if (output.type === 'text') {
      const { index, text, ids, scored } = output
      const seen = text !== '' || (view.logprobs && scored.length > 0) || (view.tokenIds && ids.length > 0)
      if (seen) yield chunk(index, { content: text }, { logprobs: view.logprobs ? chatLogprobs(view.codec, scored) : null, ids })
    } else if (output.type === 'reasoning') {
      yield chunk(output.index, { reasoning_content: output.text })
    } else if (output.type === 'tool-call') {
      const { index, call, id, name } = output
      yield chunk(index, { tool_calls: [{ index: call, id, type: 'function', function: { name, arguments: '' } }] })
    } else if (output.type === 'tool-arguments') {
      yield chunk(output.index, { tool_calls: [{ index: output.call, function: { arguments: output.text } }] })
    } else {
      used[output.index] = output
      yield chunk(output.index, {}, { reason: reasonOf(view, output.reason), isLast: --open === 0 })
    }
  }
  if (view.usage) yield sseEvent({ ...view.meta, choices: [], usage: usageOf([view.prompt], used), ...timings() })
  yield SSE_DONE
}
