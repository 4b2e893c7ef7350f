import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import type { Admin } from './admin.ts'
import { BASE_HOSTS, STANDBY_HOSTS } from './settings.ts'
import type { Acted, Action, NamedExperts } from './trial.ts'
import { afterMoves, busiestPairs, copyWholeHosts } from './whole-host.ts'

/** Ours: what the planner would do now. */
export const expertGranular: Action = ({ admin }) => scale(admin, [])

/** Whole hosts, the busiest first, until the step is predicted to be as short as with our plan. Which ones is found out before the command: it costs no time. */
export const wholeHosts: Action = async ({ admin }) => {
  const { placement, load } = (await admin.state()).autoscaler
  const ours = await admin.scale([], { dryRun: true })
  const copies = copyWholeHosts(placement, load, busiestPairs(afterMoves(placement, ours.moves), load))
  if (copies.length === 0) throw new Error('our plan gains nothing: there is nothing to compare')
  return scale(admin, copies)
}

/** Everything ends, and begins again with all hosts as base hosts. In force with the first answer. */
export const coldRestart: Action = async ({ cluster }) => {
  const commandAtMs = wallMs()
  const downAtMs = await cluster.restart(BASE_HOSTS + STANDBY_HOSTS)
  return { commandAtMs, event: null, inForce: { kind: 'first-answer', sinceMs: downAtMs } }
}

/** Scales by command and waits for the event's end. In force is what was published: every step that begins then runs on it. */
async function scale(admin: Admin, experts: NamedExperts): Promise<Acted> {
  const commandAtMs = wallMs()
  const { event: begun } = await admin.scale(experts)
  if (begun === null) throw new Error('the plan changes nothing: the load did not shift, or not far enough')
  const event = await admin.ended(begun.id)
  return { commandAtMs, event, inForce: { kind: 'at', ms: publishedAtMs(event) } }
}

function publishedAtMs(event: ScaleEvent): number {
  const publish = event.phases.find(({ phase }) => phase === 'publish')
  if (publish?.endMs == null) throw new Error(`scale event ${event.id} published nothing: ${event.error?.message ?? 'no reason'}`)
  return publish.endMs
}

/** Of the clock that workers have, too. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now()
}
