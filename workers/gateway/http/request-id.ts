import type { MiddlewareHandler } from 'hono'
import type { Allowance } from '../access/allowance.ts'
import type { Visitor } from '../access/judge-access.ts'
import { speaksAnthropic } from './anthropic-errors.ts'
import type { RequestRecord } from '../request-log/request-record.ts'

/** Variables that every route finds in its context. */
export interface GatewayEnv {
  Variables: {
    requestId: string
    /** What the request's line in the log will say. */
    record: RequestRecord
    visitor: Visitor['kind']
    /** What it may use. */
    allowance: Allowance
  }
}

/** Names each request, and the name stands on every reply, errors included. SPEC AP7. A name that the client sends is not taken over. */
export function requestId(newId: () => string): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const id = newId()
    c.set('requestId', id)
    await next()
    c.header('x-request-id', `req_${id}`)
    if (speaksAnthropic(c.req.path)) c.header('request-id', `req_${id}`) // Anthropic's name for it
  }
}
