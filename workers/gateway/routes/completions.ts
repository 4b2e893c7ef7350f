import type { Handler } from 'hono'
import { allowedTokens } from '../access/allowance.ts'
import { callerOf } from '../access/let-in.ts'
import type { GatewayDeps } from '../deps.ts'
import { collectChoices } from '../generate/collect-choices.ts'
import { engineRequest } from '../generate/engine-request.ts'
import { startGeneration } from '../generate/generation.ts'
import { checkLogprobEntries } from '../generate/logprob-entries.ts'
import { encodePrompts } from '../generate/prompt-tokens.ts'
import { readJson } from '../http/body.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { sseResponse } from '../http/sse.ts'
import { streamHooks } from '../request-log/stream-hooks.ts'
import { answerMeta } from '../render/answer-meta.ts'
import { completionAnswer, completionEvents } from '../render/completion-answer.ts'
import type { CompletionView } from '../render/completion-answer.ts'
import { CompletionRequest } from '../schemas/completion-request.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { servedModel } from '../generate/served-model.ts'
import { CompletionAnswer, CompletionChunk } from '../openapi/answers/openai.ts'
import type { Description } from '../openapi/operation.ts'

/** Completions are short unless the client says otherwise. Source: OpenAI's reference. */
const MAX_TOKENS_DEFAULT = 16

/** POST /v1/completions. */
export function postCompletions(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const caller = callerOf(c)
    const { requestId, signal, allowance } = caller
    const request = orRefuse(parseRequest(CompletionRequest, orRefuse(await readJson(c.req.raw))))
    const model = await servedModel(deps, request.model)
    const maxTokens = request.max_tokens ?? Math.min(MAX_TOKENS_DEFAULT, allowance.maxTokens ?? Infinity)
    orRefuse(allowedTokens(allowance, maxTokens))
    const prompts = orRefuse(await encodePrompts(deps, model, request.prompt, maxTokens === 0 ? 0 : 1))
    const logprobs = request.logprobs ?? null
    const echo = request.echo === true
    const job = engineRequest(model, request, { requestId, prompts, maxTokens, logprobs, echo, grammar: null }, deps.newSeed)
    orRefuse(await checkLogprobEntries(deps, model, job, request.stream === true, signal))
    const generation = orRefuse(await startGeneration(deps, model, job, { stops: request.stop ?? [], continuesPrompt: true }, caller))
    const view: CompletionView = {
      meta: answerMeta(model, `cmpl-${requestId}`, 'text_completion', deps.nowS()),
      codec: model.codec,
      prompts,
      n: job.n,
      echo,
      logprobs: logprobs !== null,
      tokenIds: request.return_token_ids === true,
      usage: request.stream_options?.include_usage === true,
      timings: request.timings === true,
    }
    if (request.stream === true)
      return sseResponse(completionEvents(view, generation.outputs), { ...streamHooks(deps, c.get('record')), cancel: generation.cancel })
    return c.json(completionAnswer(view, orRefuse(await collectChoices(generation.outputs, prompts.length * job.n))))
  }
}

export const completionsDescription: Description = {
  id: 'postCompletions',
  tag: 'Generation',
  summary: 'Completion, as OpenAI has it',
  access: 'client',
  request: {
    schema: CompletionRequest,
    examples: {
      plain: { model: 'isomoe-demo', prompt: 'Once upon a time', max_tokens: 32, temperature: 0 },
      score: { model: 'isomoe-demo', prompt: [[5, 6, 7]], max_tokens: 0, echo: true, logprobs: 2 },
    },
  },
  answer: CompletionAnswer,
  event: CompletionChunk,
}
