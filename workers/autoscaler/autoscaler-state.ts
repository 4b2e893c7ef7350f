import type { AutoscalerState } from '../../shared/protocol/autoscaler-api.ts'
import type { Planner, Situation } from './decide.ts'
import { planNow } from './decide.ts'
import { liveEngines } from './engine-records.ts'
import { hostState, recordOf } from './host-records.ts'
import type { Ledger } from './ledger.ts'

/** Everything that an operator may want to see, from the store. */
export function stateOf(ledger: Ledger, situation: Situation, planner: Planner): AutoscalerState {
  const { placement, records, policy, demand, nowMs } = situation
  const times = ledger.store.read('stepTimes')
  const stepsPerS = times?.stepsPerS ?? 0
  const measuredMs = times?.measuredMs ?? null
  const ownMs = times?.ownMs ?? null
  return {
    epoch: placement.epoch,
    placement,
    policy,
    load: placement.layers.map((experts, layer) => experts.map((_, expert) => (demand?.load[layer]![expert] ?? 0) * stepsPerS)),
    hosts: placement.hosts.map((host, index) => {
      const { isolateId, leaseUntilMs, report } = recordOf(records, host)
      return { host, state: hostState(records, placement, index), isolateId, leaseUntilMs, report }
    }),
    engines: Object.entries(liveEngines(ledger.engines(), nowMs)).map(([engine, { epoch, leaseUntilMs }]) => ({ engine, epoch, leaseUntilMs })),
    step:
      measuredMs === null || ownMs === null || situation.cost === null || (demand?.steps ?? 0) === 0
        ? null
        : { predictedMs: ownMs + planNow(planner, situation, false).predicted.beforeMs, measuredMs, ownMs },
    cost: situation.cost,
    events: ledger.store.events(0),
  }
}
