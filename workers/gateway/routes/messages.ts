import type { Handler } from 'hono'
import { callerOf } from '../access/let-in.ts'
import { collectBlocks } from '../chat/answer-blocks.ts'
import { messagesCall, promptParts } from '../chat/messages-call.ts'
import { chatPrompt, startChat } from '../chat/start-chat.ts'
import type { GatewayDeps } from '../deps.ts'
import { readJson } from '../http/body.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { streamHooks } from '../request-log/stream-hooks.ts'
import { sseResponse } from '../http/sse.ts'
import { errorEvent, messageAnswer, messageEvents } from '../render/message-answer.ts'
import type { MessageView } from '../render/message-answer.ts'
import { CountTokensRequest, MessagesRequest } from '../schemas/messages-request.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { servedModel } from '../generate/served-model.ts'
import { MessageAnswer, MessageEvent, TokenCount } from '../openapi/answers/anthropic.ts'
import type { Description } from '../openapi/operation.ts'

/** POST /v1/messages: Anthropic's chat. */
export function postMessages(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const caller = callerOf(c)
    const { requestId } = caller
    const request = orRefuse(parseRequest(MessagesRequest, orRefuse(await readJson(c.req.raw))))
    const chat = await startChat(deps, messagesCall(request), caller)
    const view: MessageView = { requestId, model: chat.model.name, promptTokens: chat.prompt.ids.length, maxTokens: request.max_tokens }
    if (request.stream !== true) return c.json(messageAnswer(view, orRefuse(await collectBlocks(chat.outputs))))
    return sseResponse(messageEvents(view, chat.outputs), {
      cancel: chat.cancel,
      ...streamHooks(deps, c.get('record')),
      failure: (error) => errorEvent(view, error),
    })
  }
}

/** POST /v1/messages/count_tokens: the prompt as it would be read, counted. */
export function postCountTokens(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const request = orRefuse(parseRequest(CountTokensRequest, orRefuse(await readJson(c.req.raw))))
    const { prompt } = chatPrompt(await servedModel(deps, request.model), promptParts(request))
    return c.json({ input_tokens: prompt.ids.length })
  }
}

const EXAMPLE = { model: 'isomoe-demo', system: 'Be short.', messages: [{ role: 'user', content: 'Tell me a story.' }] }

export const messagesDescription: Description = {
  id: 'postMessages',
  tag: 'Generation',
  summary: 'A message, as Anthropic has it',
  access: 'client',
  request: { schema: MessagesRequest, examples: { plain: { ...EXAMPLE, max_tokens: 64, stop_sequences: ['The end'] } } },
  answer: MessageAnswer,
  event: MessageEvent,
  anthropic: true,
}

export const countTokensDescription: Description = {
  id: 'postCountTokens',
  tag: 'Models and tokens',
  summary: 'The tokens of a message before it is sent',
  access: 'client',
  request: { schema: CountTokensRequest, examples: { plain: EXAMPLE } },
  answer: TokenCount,
  anthropic: true,
}
