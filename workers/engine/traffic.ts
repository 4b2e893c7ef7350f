import type { ErrorCode } from '../../shared/protocol/errors.ts'
import type { HostTraffic } from '../../shared/protocol/autoscaler-api.ts'

/** What went to one host, and what came of it. Times are round trips on the engine's side: a host never times itself. */
interface HostCounters {
  readonly host: string
  calls: number
  pairs: number
  rttSumMs: number
  rttMaxMs: number
  hedged: number
  readonly faults: Partial<Record<ErrorCode, number>>
}

/** The work of a window, or since the engine began. */
interface Counters {
  steps: number
  stepSumMs: number
  readonly hosts: Map<string, HostCounters>
}

/** One window, as the EngineReport has it. */
export interface TrafficWindow {
  readonly steps: number
  readonly stepSumMs: number
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

  function step(ms: number): void {
    window.steps++
    window.stepSumMs += ms
  }

  /** A call that was answered with rows. */
  function call(host: string, pairs: number, rttMs: number): void {
    const counters = counterOf(window, host)
    counters.calls++
    counters.pairs += pairs
    counters.rttSumMs += rttMs
    if (rttMs > counters.rttMaxMs) counters.rttMaxMs = rttMs
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
    return { steps: ended.steps, stepSumMs: ended.stepSumMs, load: routed, hosts: Array.from(ended.hosts.values(), hostTraffic) }
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
  return { steps: 0, stepSumMs: 0, hosts: new Map() }
}

function counterOf({ hosts }: Counters, host: string): HostCounters {
  const own = hosts.get(host)
  if (own) return own
  const made = { host, calls: 0, pairs: 0, rttSumMs: 0, rttMaxMs: 0, hedged: 0, faults: {} }
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
  sum.calls += own.calls
  sum.pairs += own.pairs
  sum.rttSumMs += own.rttSumMs
  sum.rttMaxMs = Math.max(sum.rttMaxMs, own.rttMaxMs)
  sum.hedged += own.hedged
  for (const [code, count] of Object.entries(own.faults)) sum.faults[code as ErrorCode] = (sum.faults[code as ErrorCode] ?? 0) + count
}

function hostTraffic({ faults, ...counters }: HostCounters): HostTraffic {
  return { ...counters, faults: { ...faults } as Readonly<Record<string, number>> }
}
