import { planBasePlacement } from '../../shared/placement/base-placement.ts'
import type { HostBudget, PlacementShape } from '../../shared/placement/base-placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import { moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { doubtAll, suspectHosts } from './host-records.ts'
import { baseEvent } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import { finishEvent, noteError } from './running-event.ts'

/** What the deployment says: the model, and the hosts that there are. */
export interface Deployment {
  /** Its name. */
  readonly model: string
  readonly digest: string
  readonly tier: Tier
  /** [layers][experts] */
  readonly expertBytes: readonly (readonly number[])[]
  /** Hosts of the base placement. */
  readonly base: readonly HostBudget[]
  /** Deployed and cold until a plan needs them. */
  readonly standby: readonly string[]
  readonly shape: PlacementShape
}

/**
 * Makes sure that there is a table for this deployment. It is planned once and kept; other hosts, another pack, tier or shape are a new plan,
 * one epoch later: an epoch names one table for ever. What was known of the old table's load, copies and event goes; hosts are asked what they
 * still hold of it. SPEC PL5, EL7, EL12.
 */
export function ensureTable(ledger: Ledger, deployment: Deployment, nowMs: number): Result<Placement, MoeError> {
  const { store } = ledger
  const { digest, tier, base, standby, shape } = deployment
  const inputs = JSON.stringify(['base replicas, steady steps', digest, tier, base, standby, shape])
  const stored = store.read('table')
  if (stored?.inputs === inputs) return ok(stored.placement)
  const fromEpoch = stored?.placement.epoch ?? 0
  const planned = planBasePlacement(deployment.expertBytes, base, shape, fromEpoch + 1)
  if (!planned.ok) return planned
  const placement = { ...planned.value, hosts: [...planned.value.hosts, ...standby] }
  ledger.commit(() => {
    const running = store.read('running')
    if (running) store.putEvent(finishEvent(noteError({ ...running, event: { ...running.event, moves: [] } }, REPLACED), nowMs))
    store.write('table', { inputs, placement })
    store.write('hosts', doubtAll(ledger.hosts(), placement.hosts))
    for (const name of ['running', 'tenure', 'demand', 'window', 'stepTimes', 'costSums', 'backoff'] as const) store.write(name, null)
    store.putEvent(baseEvent(ledger.nextEventId(), fromEpoch, placement.epoch, nowMs))
  })
  return ok(placement)
}

const REPLACED = moeError('internal', 'the deployment changed: its base placement was planned anew', {})

/**
 * An engine that runs on a later epoch than there is one here has a table of a store that was lost. The table goes past it, so that no epoch names two
 * tables and the engine takes it. Any host, a cold one too, may hold what that table gave it. Not while an event is under way, which has its epoch already: a later report says it again.
 */
export function passEpoch(ledger: Ledger, epoch: number, nowMs: number): void {
  const { store } = ledger
  const stored = store.read('table')!
  if (epoch <= stored.placement.epoch || store.read('running')) return
  ledger.commit(() => {
    store.write('table', { ...stored, placement: { ...stored.placement, epoch: epoch + 1 } })
    store.write('hosts', suspectHosts(ledger.hosts(), stored.placement.hosts))
    store.putEvent(baseEvent(ledger.nextEventId(), stored.placement.epoch, epoch + 1, nowMs))
  })
}

/** [layers] experts of each. */
export function expertCounts({ expertBytes }: Deployment): number[] {
  return expertBytes.map((experts) => experts.length)
}
