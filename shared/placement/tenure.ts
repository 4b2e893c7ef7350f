import type { Placement } from './placement.ts'
import type { PlanLimits } from './plan.ts'

/** When each extra copy came, by "layer/expert@host". Plain data: it is kept beside the placement. */
export type Tenure = Readonly<Record<string, number>>

/** After a placement was published: new extra copies came now, those that are gone are forgotten. */
export function recordTenure(previous: Tenure, placement: Placement, nowMs: number): Tenure {
  const tenure: Record<string, number> = {}
  for (const [layer, experts] of placement.layers.entries()) {
    for (const [expert, replicas] of experts.entries()) {
      for (const host of replicas) {
        if (host === placement.base[layer]![expert]) continue
        const copy = copyKey(layer, expert, placement.hosts[host]!)
        tenure[copy] = previous[copy] ?? nowMs
      }
    }
  }
  return tenure
}

/** `mayDrop` of plan(): a copy may go when it has stayed `stayMs`. One that was never recorded may go. */
export function mayDropAfter(tenure: Tenure, placement: Placement, nowMs: number, stayMs: number): NonNullable<PlanLimits['mayDrop']> {
  return (layer, expert, host) => nowMs - (tenure[copyKey(layer, expert, placement.hosts[host]!)] ?? -Infinity) >= stayMs
}

function copyKey(layer: number, expert: number, host: string): string {
  return `${layer}/${expert}@${host}`
}
