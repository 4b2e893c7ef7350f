import type { Handler } from 'hono'
import type { GatewayDeps } from '../deps.ts'
import { engineInfo } from '../generate/engine-call.ts'
import { checkIds, encodeText, requireCodec } from '../generate/prompt-tokens.ts'
import { readJson } from '../http/body.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { renderChat } from '../chat/render-chat.ts'
import { reveal } from '../model/special-text.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { ApplyTemplateRequest, DetokenizeRequest, TokenizeRequest } from '../schemas/token-requests.ts'
import { readyModel } from '../generate/served-model.ts'
import { PromptAnswer, TokenizeAnswer } from '../openapi/answers/tokens.ts'
import type { Description } from '../openapi/operation.ts'

/** POST /tokenize. */
export function postTokenize(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const request = orRefuse(parseRequest(TokenizeRequest, orRefuse(await readJson(c.req.raw))))
    const { ids } = orRefuse(encodeText(await readyModel(deps), request.text, request.addSpecialTokens, 'prompt'))
    const info = orRefuse(await engineInfo(deps))
    return c.json({ tokens: ids, count: ids.length, max_model_len: info.contextTokens })
  }
}

/** POST /detokenize. */
export function postDetokenize(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const request = orRefuse(parseRequest(DetokenizeRequest, orRefuse(await readJson(c.req.raw))))
    const model = orRefuse(await deps.model())
    const codec = orRefuse(requireCodec(model))
    orRefuse(checkIds(model, request.tokens, 'tokens'))
    return c.json({ prompt: codec.decode(request.tokens) })
  }
}

/** POST /apply-template. */
export function postApplyTemplate(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const request = orRefuse(parseRequest(ApplyTemplateRequest, orRefuse(await readJson(c.req.raw))))
    const model = orRefuse(await deps.model())
    const options = { tools: [], addGenerationPrompt: request.add_generation_prompt ?? true, variables: request.chat_template_kwargs ?? {} }
    const { text, hidden } = renderChat(model, request.messages, options)
    return c.json({ prompt: reveal(text, hidden) })
  }
}

export const tokenizeDescription: Description = {
  id: 'postTokenize',
  tag: 'Models and tokens',
  summary: 'Text to token ids',
  access: 'client',
  request: { schema: TokenizeRequest, examples: { plain: { prompt: 'Once upon a time', add_special_tokens: false } } },
  answer: TokenizeAnswer,
}

export const detokenizeDescription: Description = {
  id: 'postDetokenize',
  tag: 'Models and tokens',
  summary: 'Token ids to text, special tokens written out',
  access: 'client',
  request: { schema: DetokenizeRequest, examples: { plain: { tokens: [2335, 874, 263, 833] } } },
  answer: PromptAnswer,
}

export const applyTemplateDescription: Description = {
  id: 'postApplyTemplate',
  tag: 'Models and tokens',
  summary: "Messages as the model's template writes them",
  access: 'client',
  request: { schema: ApplyTemplateRequest, examples: { plain: { messages: [{ role: 'user', content: 'hi' }] } } },
  answer: PromptAnswer,
}
