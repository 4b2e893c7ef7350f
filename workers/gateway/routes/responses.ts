import type { Handler } from 'hono'
import { callerOf } from '../access/let-in.ts'
import { collectBlocks } from '../chat/answer-blocks.ts'
import { responsesCall, wantsLogprobs } from '../chat/responses-call.ts'
import { startChat } from '../chat/start-chat.ts'
import type { GatewayDeps } from '../deps.ts'
import { temperatureAndTopP } from '../generate/engine-request.ts'
import { readJson } from '../http/body.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { streamHooks } from '../request-log/stream-hooks.ts'
import { sseResponse } from '../http/sse.ts'
import { responseAnswer, responseEvents } from '../render/response-answer.ts'
import type { ResponseView } from '../render/response-object.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { ResponsesRequest } from '../schemas/responses-request.ts'
import { ResponseAnswer, ResponseEvent } from '../openapi/answers/responses.ts'
import type { Description } from '../openapi/operation.ts'

/** POST /v1/responses: stateless, so a conversation is sent whole each time. */
export function postResponses(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const caller = callerOf(c)
    const { requestId } = caller
    const request = orRefuse(parseRequest(ResponsesRequest, orRefuse(await readJson(c.req.raw))))
    const chat = await startChat(deps, responsesCall(request), caller)
    const view: ResponseView = {
      requestId,
      createdAt: deps.nowS(),
      model: chat.model.name,
      request,
      ...temperatureAndTopP(request, chat.model.generation),
      codec: chat.codec,
      prompt: chat.prompt,
      logprobs: wantsLogprobs(request),
    }
    if (request.stream === true)
      return sseResponse(responseEvents(view, chat.outputs, deps.nowS), { ...streamHooks(deps, c.get('record')), cancel: chat.cancel })
    return c.json(responseAnswer(view, orRefuse(await collectBlocks(chat.outputs)), deps.nowS()))
  }
}

export const responsesDescription: Description = {
  id: 'postResponses',
  tag: 'Generation',
  summary: "A response, as OpenAI's Responses API has it",
  details: 'Stateless: nothing is stored, so a conversation is sent whole each time.',
  access: 'client',
  request: {
    schema: ResponsesRequest,
    examples: {
      text: { model: 'isomoe-demo', input: 'Tell me a story.', max_output_tokens: 64 },
      turns: {
        model: 'isomoe-demo',
        instructions: 'Be short.',
        input: [
          { role: 'user', content: 'Tell me a story.' },
          { role: 'assistant', content: [{ type: 'output_text', text: 'Once.' }] },
          { role: 'user', content: [{ type: 'input_text', text: 'More.' }] },
        ],
        stream: true,
      },
    },
  },
  answer: ResponseAnswer,
  event: ResponseEvent,
}
