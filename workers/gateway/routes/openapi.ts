import type { Handler } from 'hono'
import type { GatewayEnv } from '../http/request-id.ts'
import { createOpenApi } from '../openapi/document.ts'

/** GET /openapi.json. Made when it is first asked for, and kept: a start must not pay for it. */
export function getOpenApi(): Handler<GatewayEnv> {
  let text: string | null = null
  return (c) => {
    text ??= JSON.stringify(createOpenApi())
    return c.body(text, 200, { 'content-type': 'application/json' })
  }
}
