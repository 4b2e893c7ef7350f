import { LayerSplit } from './layer-split.ts'

/**
 * What a step costs (design: docs/design/planner.md). A call to a host costs the engine's thread `callMs` and a round trip `rttMs`, whatever it carries;
 * a host computes `pairsPerMs` (token, expert) pairs. Coefficients are fitted from measured round trips and work counters, never from a host's own clock.
 */
export interface CostModel {
  readonly callMs: number
  readonly rttMs: number
  readonly pairsPerMs: number
}

/**
 * Predicted time of a layer: its calls one after another on the engine's thread, a round trip, and the busiest host's work.
 * How many hosts a step calls is an expected number: pairs come independently (Poisson), so a host with a mean of n pairs a step is called in 1 - exp(-n) of them.
 * @param pairs pairs of a mean step on each unit. @param level of the fullest unit: pairs / speed.
 */
export function layerMs(cost: CostModel, pairs: Float64Array, level: number): number {
  let calls = 0
  for (const mean of pairs) if (mean > 0) calls += 1 - Math.exp(-mean)
  return calls === 0 ? 0 : cost.callMs * calls + cost.rttMs + level / cost.pairsPerMs
}

/** Predicted time of a mean step: the sum of its layers. @param placed [layers][experts] → units, the base first; what has no unit is left out. */
export function stepMs(
  cost: CostModel,
  load: readonly (readonly number[])[],
  speed: Float64Array,
  placed: readonly (readonly (readonly number[])[])[],
): number {
  let ms = 0
  for (const [layer, experts] of placed.entries()) {
    const known = [...experts.keys()].filter((expert) => experts[expert]!.length > 0)
    if (known.length === 0) continue
    const split = new LayerSplit(
      known.map((expert) => load[layer]![expert]!),
      speed,
      known.map((expert) => experts[expert]!),
    )
    ms += layerMs(cost, split.pairs, split.level(split.fullest()))
  }
  return ms
}
