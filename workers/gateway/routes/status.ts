import type { Handler } from 'hono'
import type { GatewayDeps } from '../deps.ts'
import { engineInfo } from '../generate/engine-call.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { HealthAnswer } from '../openapi/answers/tokens.ts'
import type { Description } from '../openapi/operation.ts'

/**
 * GET /health: 200 when requests will be served, else the error that they would meet. Asking also begins the loading, so a stranger, who may
 * not ask for work either, learns only that the server is up.
 */
export function getHealth(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    if (c.get('visitor') === 'stranger') return c.json({ status: 'up' })
    const model = deps.model() // both begin to load, whichever is slower
    const info = orRefuse(await engineInfo(deps))
    orRefuse(await model)
    return c.json({ status: 'ok', model: info.model })
  }
}

export const healthDescription: Description = {
  id: 'getHealth',
  tag: 'Operation',
  summary: 'Whether requests will be served',
  details: 'Else the error that they would meet, 503 `loading` for one. Asking begins the loading. Without a key a deployed server only says that it is up.',
  access: 'none',
  answer: HealthAnswer,
}
