import type { Context, MiddlewareHandler } from 'hono'
import type { LimitLevels } from '../../../shared/protocol/limiter-api.ts'
import type { GatewayDeps } from '../deps.ts'
import { orRefuse } from '../http/errors.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import type { RequestRecord } from '../request-log/request-record.ts'
import { keyAllowance, UNLIMITED } from './allowance.ts'
import type { Allowance } from './allowance.ts'
import { doorOf, judgeAccess } from './judge-access.ts'
import { rateHeaders } from './rate-headers.ts'
import { rememberSpent } from './spent-keys.ts'

/** Who asks: the request's id, the signal that the client has gone, what it may use, and what its line in the log will say. */
export interface Caller {
  readonly requestId: string
  readonly signal: AbortSignal
  readonly allowance: Allowance
  readonly record: RequestRecord
}

export function callerOf(c: Context<GatewayEnv>): Caller {
  return { requestId: c.get('requestId'), signal: c.req.raw.signal, allowance: c.get('allowance'), record: c.get('record') }
}

/** Lets each request in or refuses it, before anything of it is read. What its limits say stands on the reply, also of one that failed. */
export function letIn(deps: GatewayDeps): MiddlewareHandler<GatewayEnv> {
  const spent = rememberSpent(deps.nowMs)
  return async (c, next) => {
    const visitor = orRefuse(await judgeAccess(deps.access, doorOf(c.req.path), c.req.raw, deps.timingSafeEqual))
    let levels: LimitLevels | null = null
    c.set('visitor', visitor.kind)
    if (visitor.kind === 'api') c.get('record').key = visitor.key.name
    c.set('allowance', visitor.kind === 'api' ? keyAllowance(deps, visitor.key, spent, c.get('requestId'), (now) => (levels = now)) : UNLIMITED)
    await next()
    if (levels !== null) for (const [name, value] of Object.entries(rateHeaders(levels))) c.header(name, value)
  }
}

/** Stands before requests that generate: those are counted behind the encoding of their prompt, which only tells what they may use. */
export const refuseSpent: MiddlewareHandler<GatewayEnv> = async (c, next) => {
  orRefuse(c.get('allowance').foresee())
  await next()
}

/** Counts a request that works on texts and generates nothing. */
export const countRequest: MiddlewareHandler<GatewayEnv> = async (c, next) => {
  orRefuse(await c.get('allowance').count())
  await next()
}
