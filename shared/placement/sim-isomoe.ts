import type { CostModel } from './cost-model.ts'
import { smoothLoad } from './demand.ts'
import type { Demand } from './demand.ts'
import { hostNames } from './host-names.ts'
import type { Placement } from './placement.ts'
import { plan } from './plan.ts'
import type { Plan, PlanLimits } from './plan.ts'
import type { Policy } from './policy.ts'
import type { Replay, SimulatedPolicy } from './simulator.ts'
import { mayDropAfter, recordTenure } from './tenure.ts'
import type { Tenure } from './tenure.ts'

export interface IsomoeShape {
  readonly hosts: number
  /** Copies that a layer may have beyond its base replicas. A host's budget is its even share of all slots, as other policies have it. */
  readonly redundant: number
  readonly stepTokens: number
  readonly expertBytes: number
  readonly cost: CostModel
  readonly policy: Pick<Policy, 'smoothingWindows' | 'gainMin' | 'stayMs' | 'windowMs' | 'movesMax'>
  /** Whether `movesMax` bounds the first plan too. Other policies begin with a whole plan. */
  readonly boundFirst: boolean
}

/** What the autoscaler does with the load of each window, without its hosts: smooth, plan, keep the tenure of copies. Base replicas lie as in `static`. */
export function isomoePolicy(replay: Replay, shape: IsomoeShape): SimulatedPolicy {
  const { layers, experts, windowTokens, counts } = replay
  const { hosts, redundant, stepTokens, expertBytes, policy } = shape
  const base = Array.from({ length: layers }, () => Array.from({ length: experts }, (_, expert) => Math.floor((expert * hosts) / experts)))
  let placement: Placement = { epoch: 1, hosts: hostNames(hosts), base, layers: base.map((layer) => layer.map((host) => [host])) }
  const budgetBytes = Math.ceil((layers * (experts + redundant)) / hosts) * expertBytes
  const planHosts = placement.hosts.map((host) => ({ host, isolateId: null, budgetBytes, speed: 1, state: 'warm' as const }))
  const bytes = base.map((layer) => layer.map(() => expertBytes))
  let demand: Demand | null = null
  let tenure: Tenure = {}
  let planned: Plan | null = null

  return {
    name: 'isomoe',
    place(window) {
      demand = smoothLoad(demand, { load: counts[window - 1]!, steps: windowTokens / stepTokens }, policy)
      const nowMs = window * policy.windowMs
      const limits: PlanLimits = {
        deviation: demand.deviation,
        expertBytes: bytes,
        cost: shape.cost,
        movesMax: planned || shape.boundFirst ? policy.movesMax : Infinity,
        moveBytesMax: Infinity, // bytes of recorded models are not those of the one that the policy is set for
        copiesMax: redundant,
        gainMin: policy.gainMin,
        mayDrop: mayDropAfter(tenure, placement, nowMs, policy.stayMs),
      }
      planned = plan(demand.load, planHosts, placement, limits)
      placement = planned.target
      tenure = recordTenure(tenure, placement, nowMs)
      return placement.layers
    },
  }
}
