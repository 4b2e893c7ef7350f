import type { ErrorCode } from '../../shared/protocol/errors.ts'
import type { CallSums, EngineReport, HostTraffic } from '../../shared/protocol/autoscaler-api.ts'

/** What went to one host, and what came of it. Times are round trips on the engine's side: a host never times itself. */
interface HostCounters {
  readonly host: string
  calls: number
  pairs: number
  rttSumMs: number
  rttMaxMs: number
  readonly first: { calls: number; pairs: number; rttSumMs: number }
  hedged: number
  readonly faults: Partial<Record<ErrorCode, number>>
}

/** The work of a window, or since the engine began. */
interface Counters {
  steps: number
  stepSumMs: number
  readonly steady: { steps: number; stepSumMs: number; expertsSumMs: number }
  readonly hosts: Map<string, HostCounters>
}

/** One window, as the EngineReport has it. */
export interface TrafficWindow {
  readonly steps: number
  readonly stepSumMs: number
  readonly steady: EngineReport['steady']
  readonly load: readonly (readonly number[])[]
  readonly hosts: readonly HostTraffic[]
}

/**
 * Counts an engine's work: plain additions, nothing a token. What is being counted is the window; `take` ends it and adds it to the total.
 * @param experts [layers] experts of each layer; 0 of a dense one.
 */
export function createTraffic(experts: readonly number[]) {
  const load = experts.map((count) => new Uint32Array(count))
  let window: Counters = noCounters()
  const total: Counters = noCounters()

  /** @param expertsMs of it, the wait for experts; null where something was under way that no steady step meets. */
  function step(ms: number, expertsMs: number | null): void {
    window.steps++
    window.stepSumMs += ms
    if (expertsMs === null) return
    window.steady.steps++
    window.steady.stepSumMs += ms
    window.steady.expertsSumMs += expertsMs
  }

  /** A call that was answered with rows. @param isFirst it may have loaded weights. */
  function call(host: string, pairs: number, rttMs: number, isFirst: boolean): void {
    const counters = counterOf(window, host)
    counters.calls++
    counters.pairs += pairs
    counters.rttSumMs += rttMs
    if (rttMs > counters.rttMaxMs) counters.rttMaxMs = rttMs
    if (isFirst) addCalls(counters.first, { calls: 1, pairs, rttSumMs: rttMs })
  }

  function fault(host: string, code: ErrorCode): void {
    const { faults } = counterOf(window, host)
    faults[code] = (faults[code] ?? 0) + 1
  }

  function hedge(host: string): void {
    counterOf(window, host).hedged++
  }

  /** Whether there is anything to report. */
  function worked(): boolean {
    return window.steps > 0 || window.hosts.size > 0
  }

  /** Ends the window. */
  function take(): TrafficWindow {
    const ended = window
    window = noCounters()
    addTo(total, ended)
    const routed = load.map((counts) => Array.from(counts))
    for (const counts of load) counts.fill(0)
    return { steps: ended.steps, stepSumMs: ended.stepSumMs, steady: ended.steady, load: routed, hosts: Array.from(ended.hosts.values(), hostTraffic) }
  }

  /** Of one host since the engine began. */
  function ofHost(host: string): HostTraffic {
    const sum = noCounters()
    for (const counters of [total, window]) {
      const own = counters.hosts.get(host)
      if (own) addHost(sum, own)
    }
    return hostTraffic(counterOf(sum, host))
  }

  return { load, step, call, fault, hedge, worked, take, ofHost }
}

export type Traffic = ReturnType<typeof createTraffic>

function noCounters(): Counters {
  return { steps: 0, stepSumMs: 0, steady: { steps: 0, stepSumMs: 0, expertsSumMs: 0 }, hosts: new Map() }
}

function counterOf({ hosts }: Counters, host: string): HostCounters {
  const own = hosts.get(host)
  if (own) return own
  const made = { host, calls: 0, pairs: 0, rttSumMs: 0, rttMaxMs: 0, first: { calls: 0, pairs: 0, rttSumMs: 0 }, hedged: 0, faults: {} }
  hosts.set(host, made)
  return made
}

function addTo(total: Counters, window: Counters): void {
  total.steps += window.steps
  total.stepSumMs += window.stepSumMs
  for (const own of window.hosts.values()) addHost(total, own)
}

function addHost(sums: Counters, own: HostCounters): void {
  const sum = counterOf(sums, own.host)
  addCalls(sum, own)
  addCalls(sum.first, own.first)
  sum.rttMaxMs = Math.max(sum.rttMaxMs, own.rttMaxMs)
  sum.hedged += own.hedged
  for (const [code, count] of Object.entries(own.faults)) sum.faults[code as ErrorCode] = (sum.faults[code as ErrorCode] ?? 0) + count
}

function addCalls(sum: { calls: number; pairs: number; rttSumMs: number }, { calls, pairs, rttSumMs }: CallSums): void {
  sum.calls += calls
  sum.pairs += pairs
  sum.rttSumMs += rttSumMs
}

function hostTraffic({ faults, first, ...counters }: HostCounters): HostTraffic {
  return { ...counters, first: { ...first }, faults: { ...faults } as Readonly<Record<string, number>> }
}
