import type { CostModel } from './cost-model.ts'

/** A call on the engine's thread, in one process: 30 to 40 µs (docs/design/placement.md). Engines cannot tell it from their own work, so it is not fitted. */
const CALL_MS = 0.035
/** Each window leaves so much of what was known before: twenty windows or so count. Hosts change more slowly than their load, and a fit that jumps moves copies. */
const KEEP = 0.95
/** Calls of a host that tell the slope from the round trip: their pairs must vary by this share of their mean at least; at twice that the slope is believed. */
const VARIATION_MIN = 0.1
/** Least part of a round trip that is work. */
const SLOPE_MIN = 2e-4
/** Calls behind what engines are told. */
const TOLD_CALLS = 500
/** A round trip this many times what the model says is a stall, not work: it counts as so many times. Where that is the new truth, the model follows in some windows. */
const STALL_TIMES = 4
/** Calls after which the model is known well enough to say so. */
const KNOWN_CALLS = 100
/** Below this a host's work cannot be told from nothing. */
const WORK_MS_MIN = 1e-6

/** Sums over calls of hosts, weighted by calls: x is the pairs of a call, y its round trip in ms, both means of one host in one window. */
export interface CostSums {
  readonly calls: number
  readonly x: number
  readonly y: number
  readonly xx: number
  readonly xy: number
}

export const NO_COST_SUMS: CostSums = { calls: 0, x: 0, y: 0, xx: 0, xy: 0 }

/** Takes one window's traffic in. @param hosts calls, their pairs and the sum of their round trips on the engine's side. */
export function addTraffic(sums: CostSums, hosts: Iterable<{ readonly calls: number; readonly pairs: number; readonly rttSumMs: number }>): CostSums {
  const known = sums.calls < KNOWN_CALLS ? null : fitCost(sums)
  let { calls, x, y, xx, xy } = sums
  calls *= KEEP
  x *= KEEP
  y *= KEEP
  xx *= KEEP
  xy *= KEEP
  for (const host of hosts) {
    if (host.calls <= 0) continue
    const pairs = host.pairs / host.calls
    const rttSumMs = known === null ? host.rttSumMs : Math.min(host.rttSumMs, STALL_TIMES * host.calls * (known.rttMs + pairs / known.pairsPerMs))
    calls += host.calls
    x += host.pairs
    y += rttSumMs
    xx += host.calls * pairs * pairs
    xy += pairs * rttSumMs
  }
  return { calls, x, y, xx, xy }
}

/**
 * The cost model that fits: y = rttMs + x / pairsPerMs by least squares. Where x hardly varies, the round trip is taken to be a call in one process and the rest work;
 * between the two the slope goes over from one to the other, so that a little less variation moves no plan. Where x varies and y does not, or falls (hosts that share a
 * thread wait for each other, whatever they carry), work is next to nothing: copies would win nothing there. Null before any call was seen.
 */
export function fitCost({ calls, x, y, xx, xy }: CostSums): CostModel | null {
  if (calls <= 0 || x <= 0) return null
  const meanX = x / calls
  const meanY = y / calls
  const floorMs = Math.min(CALL_MS, meanY)
  const workSlope = Math.max(meanY - floorMs, WORK_MS_MIN) / meanX
  const variance = xx / calls - meanX * meanX
  const belief = Math.min(1, Math.max(0, Math.sqrt(Math.max(0, variance)) / (VARIATION_MIN * meanX) - 1))
  const fitted = belief > 0 ? Math.max((xy / calls - meanX * meanY) / variance, SLOPE_MIN * workSlope) : 0
  const slope = belief * fitted + (1 - belief) * workSlope
  const rttMs = meanY - slope * meanX
  if (slope === workSlope || rttMs < 0) return { callMs: CALL_MS, rttMs: floorMs, pairsPerMs: 1 / workSlope }
  return { callMs: CALL_MS, rttMs, pairsPerMs: 1 / slope }
}

/** What a call costs in pairs, for splitters; null until it is known well. */
export function measuredCallPairs(sums: CostSums): number | null {
  const cost = sums.calls < TOLD_CALLS ? null : fitCost(sums)
  return cost === null ? null : Math.round(cost.callMs * cost.pairsPerMs)
}
