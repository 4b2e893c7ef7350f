import type { Handler } from 'hono'
import type { GatewayDeps } from '../deps.ts'
import { collectChoices } from '../generate/collect-choices.ts'
import { engineRequest } from '../generate/engine-request.ts'
import { startGeneration } from '../generate/generation.ts'
import { checkLogprobEntries } from '../generate/logprob-entries.ts'
import { encodeChat, requireCodec } from '../generate/prompt-tokens.ts'
import { readJson } from '../http/body.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { sseResponse } from '../http/sse.ts'
import { answerMeta } from '../render/answer-meta.ts'
import { chatAnswer, chatEvents } from '../render/chat-answer.ts'
import type { ChatView } from '../render/chat-answer.ts'
import { ChatRequest } from '../schemas/chat-request.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { servedModel } from './models.ts'
import { renderChat } from './tokens.ts'

/** POST /v1/chat/completions. */
export function postChatCompletions(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const signal = c.req.raw.signal
    const request = orRefuse(parseRequest(ChatRequest, orRefuse(await readJson(c.req.raw))))
    const model = await servedModel(deps, request.model)
    const codec = orRefuse(requireCodec(model))
    const prompt = orRefuse(encodeChat(model, renderChat(model, request.messages, true)))
    const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? null
    const logprobs = request.logprobs === true ? (request.top_logprobs ?? 0) : null
    const requestId = c.get('requestId')
    const job = engineRequest(model, request, { requestId, prompts: [prompt], maxTokens, logprobs, echo: false }, deps.newSeed)
    orRefuse(await checkLogprobEntries(deps, model, job, request.stream === true, signal))
    const generation = orRefuse(await startGeneration(deps, model, job, { stops: request.stop ?? [], continuesPrompt: false }, signal))
    const object = request.stream === true ? 'chat.completion.chunk' : 'chat.completion'
    const view: ChatView = {
      meta: answerMeta(model, `chatcmpl-${requestId}`, object, deps.nowS()),
      codec,
      prompt,
      n: job.n,
      logprobs: logprobs !== null,
      tokenIds: request.return_token_ids === true,
      usage: request.stream_options?.include_usage === true,
    }
    if (request.stream === true) return sseResponse(chatEvents(view, generation.outputs), { cancel: generation.cancel, log: deps.log })
    return c.json(chatAnswer(view, orRefuse(await collectChoices(generation.outputs, job.n))))
  }
}
