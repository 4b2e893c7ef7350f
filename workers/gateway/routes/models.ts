import type { Handler } from 'hono'
import type { ModelInfo } from '../../../shared/protocol/engine-api.ts'
import type { GatewayDeps } from '../deps.ts'
import { engineInfo } from '../generate/engine-call.ts'
import { servedModel } from '../generate/served-model.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { z } from 'zod'
import { ModelList, ModelObject } from '../openapi/answers/openai.ts'
import type { Description } from '../openapi/operation.ts'

/** GET /v1/models. */
export function listModels(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const model = orRefuse(await deps.model())
    return c.json({ object: 'list', data: [modelObject(deps, model, orRefuse(await engineInfo(deps)))] })
  }
}

/** GET /v1/models/{id}. */
export function getModel(deps: GatewayDeps): Handler<GatewayEnv, '/v1/models/:id'> {
  return async (c) => {
    const model = await servedModel(deps, c.req.param('id'))
    return c.json(modelObject(deps, model, orRefuse(await engineInfo(deps))))
  }
}

/** OpenAI's object, with the context under the names that other servers use. */
function modelObject(deps: GatewayDeps, model: LoadedModel, info: ModelInfo) {
  return {
    id: model.name,
    object: 'model',
    created: deps.nowS(),
    owned_by: 'isomoe',
    context_length: info.contextTokens,
    max_model_len: info.contextTokens,
    tier: model.tier,
  }
}

export const listModelsDescription: Description = {
  id: 'listModels',
  tag: 'Models and tokens',
  summary: 'The served model',
  access: 'client',
  answer: ModelList,
}

export const getModelDescription: Description = {
  id: 'getModel',
  tag: 'Models and tokens',
  summary: 'One model',
  access: 'client',
  params: z.object({ id: z.string().meta({ example: 'isomoe-demo' }) }),
  answer: ModelObject,
}
