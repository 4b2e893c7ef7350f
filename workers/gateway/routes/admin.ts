import type { Handler } from 'hono'
import type { Policy } from '../../../shared/placement/policy.ts'
import type { AutoscalerState } from '../../../shared/protocol/autoscaler-api.ts'
import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import { callAutoscaler, callEngine } from '../generate/engine-call.ts'
import { readJson } from '../http/body.ts'
import { errorEnvelope, orRefuse } from '../http/errors.ts'
import type { ErrorEnvelope } from '../http/errors.ts'
import { eventsResponse } from '../http/event-source.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { PolicyRequest, ScaleRequestBody } from '../schemas/admin-requests.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { AdminState, PolicyAnswer, ScaleAnswer } from '../openapi/answers/admin.ts'
import type { Description } from '../openapi/operation.ts'

/** GET /admin/state: the engine's own account of itself and of its hosts, and the autoscaler's. Either is shown without the other. */
export function getAdminState(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const asked = callAutoscaler(deps, () => deps.autoscaler.state())
    const engine = orRefuse(await callEngine(deps, () => deps.engine.state()))
    return c.json({ ...engine, autoscaler: shown(await asked) })
  }
}

function shown(state: Result<AutoscalerState, MoeError>): AutoscalerState | ErrorEnvelope {
  return state.ok ? state.value : errorEnvelope(state.error)
}

/**
 * GET /admin/events: server-sent events, one for each change of a scale event. `id` is the scale event's, so a client that comes back
 * with `last-event-id` gets that one as it is now, and all later ones. SPEC EL14.
 */
export function getAdminEvents(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const fromId = orRefuse(parseEventId(c.req.header('last-event-id')))
    const lines = orRefuse(await callAutoscaler(deps, async () => ({ ok: true, value: await deps.autoscaler.events(fromId) })))
    return eventsResponse(lines, { setTimer: deps.setTimer, log: deps.log })
  }
}

/** Absent: from the oldest that is kept. */
function parseEventId(text: string | undefined): Result<number, MoeError> {
  if (text === undefined || text === '') return { ok: true, value: 0 }
  if (/^[0-9]{1,15}$/.test(text)) return { ok: true, value: Number(text) }
  return fail('invalid-request', "Invalid value for 'last-event-id': must be the id of an event.", { param: 'last-event-id', reason: 'invalid_value' })
}

/** POST /admin/scale: a plan made now, whatever the stay says, or made by hand; `dry_run` shows it and does nothing. */
export function postAdminScale(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const { dry_run: dryRun, experts } = orRefuse(parseRequest(ScaleRequestBody, orRefuse(await readJson(c.req.raw))))
    const wanted = (experts ?? []).map(({ layer, expert, replicas, hosts }) => ({
      layer,
      expert,
      ...(replicas !== undefined && { replicas }),
      ...(hosts && { hosts }),
    }))
    const answer = await callAutoscaler(deps, () => deps.autoscaler.scale({ dryRun: dryRun ?? false, experts: wanted }))
    return c.json(orRefuse(asRequestFault(answer)))
  }
}

/** A plan over budget is a fault of whoever asks for it, not of the deployment as elsewhere. */
function asRequestFault<T>(answer: Result<T, MoeError>): Result<T, MoeError> {
  if (answer.ok || answer.error.code !== 'over-budget') return answer
  return fail('invalid-request', answer.error.message, { param: 'experts', reason: 'invalid_value' })
}

/** POST /admin/policy: changes the fields that are named and answers the whole policy. */
export function postAdminPolicy(deps: GatewayDeps): Handler<GatewayEnv> {
  return async (c) => {
    const change = orRefuse(parseRequest(PolicyRequest, orRefuse(await readJson(c.req.raw))))
    const fields = Object.entries(change).filter(([, value]) => value !== undefined)
    return c.json(orRefuse(await callAutoscaler(deps, () => deps.autoscaler.setPolicy(Object.fromEntries(fields) as Partial<Policy>))))
  }
}

export const adminStateDescription: Description = {
  id: 'getAdminState',
  tag: 'Operation',
  summary: "The engine's account of itself and of its hosts, and the autoscaler's",
  access: 'admin',
  answer: AdminState,
}

export const adminEventsDescription: Description = {
  id: 'getAdminEvents',
  tag: 'Operation',
  summary: 'Scale events as they change, from the oldest that is kept',
  details: 'With `last-event-id` from that event on. A comment comes every 15 s.',
  access: 'admin',
  answer: { contentType: 'text/event-stream', text: 'Events named `scale`, whose `id` is the scale event’s and whose `data` is a ScaleEvent.' },
}

export const adminScaleDescription: Description = {
  id: 'postAdminScale',
  tag: 'Operation',
  summary: 'A plan made now, or by hand',
  access: 'admin',
  request: {
    schema: ScaleRequestBody,
    examples: { plan: { dry_run: true }, byHand: { experts: [{ layer: 0, expert: 3, replicas: 2 }] } },
  },
  answer: ScaleAnswer,
}

export const adminPolicyDescription: Description = {
  id: 'postAdminPolicy',
  tag: 'Operation',
  summary: 'Changes the fields of the policy that are named',
  access: 'admin',
  request: { schema: PolicyRequest, examples: { off: { enabled: false }, calmer: { gainMin: 0.1, stayMs: 60_000 } } },
  answer: PolicyAnswer,
}
