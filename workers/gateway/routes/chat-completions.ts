import type { Handler } from 'hono'
import { callerOf } from '../access/let-in.ts'
import type { ChatCall } from '../chat/chat-call.ts'
import { collectChat } from '../chat/collect-chat.ts'
import { startChat } from '../chat/start-chat.ts'
import type { GatewayDeps } from '../deps.ts'
import { readJson } from '../http/body.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { sseResponse } from '../http/sse.ts'
import { streamHooks } from '../request-log/stream-hooks.ts'
import { answerMeta } from '../render/answer-meta.ts'
import { chatAnswer, chatEvents } from '../render/chat-answer.ts'
import type { ChatView } from '../render/chat-answer.ts'
import { chosenTools } from '../schemas/chat-tools.ts'
import { ChatRequest } from '../schemas/chat-request.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { ChatAnswer, ChatChunk } from '../openapi/answers/openai.ts'
import type { Description } from '../openapi/operation.ts'

/** POST /v1/chat/completions. */
export function postChatCompletions(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const caller = callerOf(c)
    const request = orRefuse(parseRequest(ChatRequest, orRefuse(await readJson(c.req.raw))))
    const call = chatCall(request)
    const chat = await startChat(deps, call, caller)
    const object = call.streamed ? 'chat.completion.chunk' : 'chat.completion'
    const view: ChatView = {
      meta: answerMeta(chat.model, `chatcmpl-${caller.requestId}`, object, deps.nowS()),
      codec: chat.codec,
      prompt: chat.prompt,
      n: chat.n,
      logprobs: call.logprobs !== null,
      tokenIds: request.return_token_ids === true,
      named: call.toolChoice.kind === 'named',
      usage: request.stream_options?.include_usage === true,
      timings: request.timings === true,
    }
    if (call.streamed) return sseResponse(chatEvents(view, chat.outputs), { ...streamHooks(deps, c.get('record')), cancel: chat.cancel })
    return c.json(chatAnswer(view, orRefuse(await collectChat(chat.outputs, chat.n))))
  }
}

function chatCall(request: ChatRequest): ChatCall {
  return {
    names: {},
    model: request.model,
    messages: request.messages,
    ...chosenTools(request),
    parallelToolCalls: request.parallel_tool_calls ?? true,
    format: request.response_format ?? { kind: 'text' },
    templateVariables: request.chat_template_kwargs ?? {},
    sampling: request,
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? null,
    stops: request.stop ?? [],
    logprobs: request.logprobs === true ? (request.top_logprobs ?? 0) : null,
    streamed: request.stream === true,
  }
}

export const chatCompletionsDescription: Description = {
  id: 'postChatCompletions',
  tag: 'Generation',
  summary: 'Chat, as OpenAI has it',
  details: "The messages are written by the model's own template. Fields that would change the output and are not supported are refused by name.",
  access: 'client',
  request: {
    schema: ChatRequest,
    examples: {
      plain: { model: 'isomoe-demo', messages: [{ role: 'user', content: 'Tell me a story.' }], max_completion_tokens: 64, seed: 7 },
      stream: {
        model: 'isomoe-demo',
        messages: [{ role: 'user', content: 'Tell me a story.' }],
        stream: true,
        stream_options: { include_usage: true },
        frequency_penalty: 0.5,
        logit_bias: { '50': -100 },
      },
    },
  },
  answer: ChatAnswer,
  event: ChatChunk,
}
