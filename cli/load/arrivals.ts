import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { drawUniform } from './draws.ts'

/** How requests come. Open loop (`poisson`, `constant`, `trace`): on schedule, whatever the server does. Closed: each worker sends when its last answer ended. */
export type Arrivals =
  | { readonly kind: 'poisson'; readonly perS: number }
  | { readonly kind: 'constant'; readonly perS: number }
  | { readonly kind: 'closed'; readonly workers: number }
  | { readonly kind: 'trace'; readonly entries: readonly TraceEntry[]; readonly rateScale: number; readonly fromS: number }

/** A request of a recorded trace. */
export interface TraceEntry {
  /** From the trace's first request. */
  readonly atMs: number
  readonly promptTokens: number
  readonly outputTokens: number
}

/** When a request shall be sent, in ms from the beginning of the measured time (negative: warm-up), and its lengths where a trace says them. */
export interface Arrival {
  readonly atMs: number
  readonly promptTokens: number | null
  readonly outputTokens: number | null
}

/**
 * The schedule of an open loop: all arrivals in [−warmupMs, durationMs), ascending. Same arguments, same schedule. SPEC LT1.
 * A trace's window begins at `fromS` of the trace; with a rate scale of 2 its gaps are half as long. What it does not reach stays empty.
 */
export function schedule(arrivals: Exclude<Arrivals, { kind: 'closed' }>, warmupMs: number, durationMs: number, seed: number): Arrival[] {
  switch (arrivals.kind) {
    case 'constant':
      return until(durationMs, (i) => (i * 1000) / arrivals.perS - warmupMs)
    case 'poisson': {
      let atMs = -warmupMs
      return until(durationMs, (i) => (atMs += (-Math.log1p(-drawUniform(seed, 'gap', i)) / arrivals.perS) * 1000)) // exponential gaps by inversion
    }
    case 'trace':
      return traced(arrivals, warmupMs, durationMs)
  }
}

function until(endMs: number, timeOf: (i: number) => number): Arrival[] {
  const list: Arrival[] = []
  for (let atMs = timeOf(0); atMs < endMs; atMs = timeOf(list.length)) push(list, { atMs, promptTokens: null, outputTokens: null })
  return list
}

function traced({ entries, rateScale, fromS }: Extract<Arrivals, { kind: 'trace' }>, warmupMs: number, durationMs: number): Arrival[] {
  const list: Arrival[] = []
  for (const { atMs, promptTokens, outputTokens } of entries) {
    const scaledMs = (atMs - fromS * 1000) / rateScale - warmupMs
    if (scaledMs >= durationMs) break
    if (scaledMs >= -warmupMs) push(list, { atMs: scaledMs, promptTokens, outputTokens })
  }
  return list
}

function push(list: Arrival[], arrival: Arrival): void {
  if (list.length >= LIMITS.loadRequestsMax) throw new CliError('load-too-long', `more than ${LIMITS.loadRequestsMax} requests: lower the rate or the duration`)
  list.push(arrival)
}
