import { PHASES } from '../../shared/protocol/autoscaler-api.ts'
import type { EngineReport, HostTraffic, ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { ERROR_CODES } from '../../shared/protocol/errors.ts'
import type { ScaleSums, ServedSums } from '../../shared/protocol/metrics-api.ts'
import { NO_REQUEST_WORK, addRequestWork } from '../../shared/protocol/request-work.ts'
import type { RequestWork } from '../../shared/protocol/request-work.ts'

/** Raised when the shape of the sums changes. */
export const COUNTERS_VERSION = 1

/** What is counted for ever: sums over engines, resets and instances. Begins anew with another model's name. SPEC MT1, MT2. */
export interface Counters {
  /** Sums of another version are of other metrics, or in other buckets: counting begins anew. */
  readonly version: typeof COUNTERS_VERSION
  readonly model: string
  readonly requests: RequestWork
  readonly steps: number
  readonly stepSumMs: number
  /** [layers] */
  readonly layerPairs: readonly number[]
  readonly hosts: Readonly<Record<string, HostServed>>
  readonly scale: ScaleSums
  /** The last scale event that is in `scale`. */
  readonly eventId: number
}

export interface HostServed extends ServedSums {
  /** When a report said last that it was called. */
  readonly calledMs: number
}

const NO_PHASE = { count: 0, sumMs: 0, bytes: 0 }
const NO_EVENTS = { done: 0, failed: 0 }
export const NO_SERVED: HostServed = { calls: 0, pairs: 0, rttSumMs: 0, hedged: 0, faults: {}, calledMs: 0 }

export function noCounters(model: string): Counters {
  return {
    version: COUNTERS_VERSION,
    model,
    requests: NO_REQUEST_WORK,
    steps: 0,
    stepSumMs: 0,
    layerPairs: [],
    hosts: {},
    scale: {
      events: { load: NO_EVENTS, manual: NO_EVENTS, 'lost-host': NO_EVENTS, base: NO_EVENTS },
      phases: Object.fromEntries(PHASES.map((phase) => [phase, NO_PHASE])) as ScaleSums['phases'],
      moves: { load: 0, drop: 0 },
    },
    eventId: 0,
  }
}

/** A report that is counted for the first time. @param hosts of its traffic, those that are deployed. */
export function countReport(counters: Counters, report: EngineReport, hosts: readonly HostTraffic[], nowMs: number): Counters {
  const served = hosts.map((traffic): [string, HostServed] => [traffic.host, addTraffic(counters.hosts[traffic.host] ?? NO_SERVED, traffic, nowMs)])
  return {
    ...counters,
    requests: addRequestWork(counters.requests, report.requests),
    steps: counters.steps + report.steps,
    stepSumMs: counters.stepSumMs + report.stepSumMs,
    layerPairs: report.load.map((experts, layer) => experts.reduce((sum, pairs) => sum + pairs, counters.layerPairs[layer] ?? 0)),
    hosts: { ...counters.hosts, ...Object.fromEntries(served) },
  }
}

function addTraffic(sums: HostServed, { calls, pairs, rttSumMs, hedged, faults }: HostTraffic, nowMs: number): HostServed {
  const counted = { ...sums.faults }
  for (const [code, count] of Object.entries(faults)) {
    const known = Object.hasOwn(ERROR_CODES, code) ? code : 'other' // of an engine of another version: labels are bounded
    counted[known] = (counted[known] ?? 0) + count
  }
  return {
    calls: sums.calls + calls,
    pairs: sums.pairs + pairs,
    rttSumMs: sums.rttSumMs + rttSumMs,
    hedged: sums.hedged + hedged,
    faults: counted,
    calledMs: calls > 0 ? nowMs : sums.calledMs,
  }
}

/** Events that are over since it was done last. One is over before the next begins. @param events with higher ids than `eventId`, ascending. */
export function countEvents(counters: Counters, events: readonly ScaleEvent[]): Counters {
  return events.reduce((counted, event) => (event.state === 'running' || event.id <= counted.eventId ? counted : countEvent(counted, event)), counters)
}

function countEvent(counters: Counters, { id, reason, state, phases, moves }: ScaleEvent): Counters {
  const { scale } = counters
  const sums = { ...scale.phases }
  for (const { phase, startMs, endMs, bytes } of phases) {
    const before = sums[phase]
    sums[phase] = { count: before.count + 1, sumMs: before.sumMs + Math.max(0, (endMs ?? startMs) - startMs), bytes: before.bytes + Math.max(0, bytes) }
  }
  const outcome = state === 'failed' ? 'failed' : 'done'
  const loads = moves.filter(({ kind }) => kind === 'load').length
  return {
    ...counters,
    eventId: id,
    scale: {
      events: { ...scale.events, [reason]: { ...scale.events[reason], [outcome]: scale.events[reason][outcome] + 1 } },
      phases: sums,
      moves: { load: scale.moves.load + loads, drop: scale.moves.drop + moves.length - loads },
    },
  }
}
