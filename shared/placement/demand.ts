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
  /** Windows with steps that it was made of, since traffic began. */
  readonly windows: number
  /** Windows in a row without a step. */
  readonly quietWindows: number
}

/** Windows without a step after which the traffic counts as gone: a smoothing span, but half a stay at most, so that copies can go when their time is over. */
export function pauseWindows({ smoothingWindows, stayMs, windowMs }: Pick<Policy, 'smoothingWindows' | 'stayMs' | 'windowMs'>): number {
  return Math.max(1, Math.min(smoothingWindows, Math.floor(stayMs / (2 * windowMs))))
}

/**
 * Takes one window into the demand, exponentially with a span of `smoothingWindows` (weight 2 / (span + 1), and 1 / n for the nth window as long as that is more: the
 * first windows count alike, so that what came first does not stay for a span). Windows weigh by their steps, so a mean step is that of the tokens served, not of the
 * windows that went by. A window without a step changes nothing until the traffic is gone for `pauseWindows`: then the load is zero.
 * The deviation holds both sampling noise and shift, as a plan made from the past meets both (Welford's recursion with exponential weights).
 * @param previous null at first, or when the model changed.
 */
export function smoothLoad(previous: Demand | null, window: WindowLoad, policy: Pick<Policy, 'smoothingWindows' | 'stayMs' | 'windowMs'>): Demand {
  if (window.steps <= 0) return quiet(previous, window, pauseWindows(policy))
  const mean = window.load.map((experts) => experts.map((pairs) => pairs / window.steps))
  if (previous === null || previous.steps === 0) {
    return {
      load: mean,
      deviation: mean.map((experts) => experts.map((pairs) => Math.sqrt(pairs / window.steps))),
      steps: window.steps,
      windows: 1,
      quietWindows: 0,
    }
  }
  const windows = previous.windows + 1
  const weight = Math.max(2 / (policy.smoothingWindows + 1), 1 / windows)
  const steps = previous.steps * (1 - weight) + window.steps * weight
  const share = (window.steps * weight) / steps
  const load = mean.map((experts, l) => experts.map((pairs, e) => previous.load[l]![e]! + share * (pairs - previous.load[l]![e]!)))
  const deviation = mean.map((experts, l) =>
    experts.map((pairs, e) => Math.sqrt((1 - share) * (previous.deviation[l]![e]! ** 2 + share * (pairs - previous.load[l]![e]!) ** 2))),
  )
  return { load, deviation, steps, windows, quietWindows: 0 }
}

function quiet(previous: Demand | null, window: WindowLoad, windowsMax: number): Demand {
  const quietWindows = (previous?.quietWindows ?? 0) + 1
  if (previous !== null && quietWindows < windowsMax) return { ...previous, quietWindows }
  const zero = window.load.map((experts) => experts.map(() => 0))
  return { load: zero, deviation: zero, steps: 0, windows: 0, quietWindows }
}
