import type { Load } from './plan.ts'
import type { Policy } from './policy.ts'

/** What engines saw in one window: their reports added up. */
export interface WindowLoad {
  /** [layers][experts] → (token, expert) pairs. */
  readonly load: Load
  readonly steps: number
}

/** The load that plans are made for, smoothed over windows. Plain data: it is kept between windows. */
export interface Demand {
  /** [layers][experts] → pairs of a mean step: `load` of plan(). Zero where no step was seen for `smoothingWindows` windows. */
  readonly load: Load
  /** [layers][experts] → standard deviation of one window's mean step around it: `deviation` of plan(). */
  readonly deviation: Load
  /** Steps that stand behind the load; older ones count less. */
  readonly steps: number
  /** Windows in a row without a step. */
  readonly quietWindows: number
}

/**
 * Takes one window into the demand, exponentially with a span of `smoothingWindows` (weight 2 / (span + 1)). Windows weigh by their steps, so a mean step is that
 * of the tokens served, not of the windows that went by. A window without a step changes nothing until the traffic is gone for a whole span: then the load is zero.
 * The deviation holds both sampling noise and shift, as a plan made from the past meets both (Welford's recursion with exponential weights).
 * @param previous null at first, or when the model changed.
 */
export function smoothLoad(previous: Demand | null, window: WindowLoad, policy: Pick<Policy, 'smoothingWindows'>): Demand {
  if (window.steps <= 0) return quiet(previous, window, policy.smoothingWindows)
  const weight = 2 / (policy.smoothingWindows + 1)
  const mean = window.load.map((experts) => experts.map((pairs) => pairs / window.steps))
  if (previous === null || previous.steps === 0) {
    return { load: mean, deviation: mean.map((experts) => experts.map((pairs) => Math.sqrt(pairs / window.steps))), steps: window.steps, quietWindows: 0 }
  }
  const steps = previous.steps * (1 - weight) + window.steps * weight
  const share = (window.steps * weight) / steps
  const load = mean.map((experts, l) => experts.map((pairs, e) => previous.load[l]![e]! + share * (pairs - previous.load[l]![e]!)))
  const deviation = mean.map((experts, l) =>
    experts.map((pairs, e) => Math.sqrt((1 - share) * (previous.deviation[l]![e]! ** 2 + share * (pairs - previous.load[l]![e]!) ** 2))),
  )
  return { load, deviation, steps, quietWindows: 0 }
}

function quiet(previous: Demand | null, window: WindowLoad, span: number): Demand {
  const quietWindows = (previous?.quietWindows ?? 0) + 1
  if (previous !== null && quietWindows < span) return { ...previous, quietWindows }
  const zero = window.load.map((experts) => experts.map(() => 0))
  return { load: zero, deviation: zero, steps: 0, quietWindows }
}
