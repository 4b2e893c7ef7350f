import type { EngineGauges, EngineReport } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'

/** An engine that joined or reported. */
export interface EngineRecord {
  readonly isolateId: string
  readonly epoch: number
  /** The oldest epoch that a step of it still runs on. */
  readonly oldestEpoch: number
  readonly leaseUntilMs: number
  /** As it reported last; absent until it has. */
  readonly gauges?: EngineGauges
  /** Number of the last report of each of its isolates, the latest isolate last. */
  readonly numbers: readonly (readonly [isolateId: string, number: number])[]
}

/** By engine. */
export type EngineRecords = Readonly<Record<string, EngineRecord>>

/** A late report of an isolate that was reset may still come; one older than this many resets would count twice. */
const ISOLATES_KEPT = 4

/** Whether this report was counted before: a caller that heard no answer sends it again. SPEC EL1. */
export function wasCounted(records: EngineRecords, report: Pick<EngineReport, 'engine' | 'isolateId' | 'number'>): boolean {
  return report.number <= (records[report.engine]?.numbers.find(([id]) => id === report.isolateId)?.[1] ?? 0)
}

export function recordReport(records: EngineRecords, report: EngineReport, leaseUntilMs: number): EngineRecords {
  const before = records[report.engine]
  const others = (before?.numbers ?? []).filter(([id]) => id !== report.isolateId)
  const numbers = [...others, [report.isolateId, report.number] as const].slice(-ISOLATES_KEPT)
  const { isolateId, epoch, oldestEpoch, running, waiting, kvPagesUsed, kvPagesTotal } = report
  const gauges = { running, waiting, kvPagesUsed, kvPagesTotal }
  const now = { ...records, [report.engine]: { isolateId, epoch, oldestEpoch, leaseUntilMs, gauges, numbers } }
  // What was on its way when the engine adopted or drained does not take that back.
  return before?.isolateId === isolateId ? recordEpoch(now, report.engine, isolateId, before) : now
}

/** Whether the engine is one of these, or there is room for it. */
export function hasRoomFor(live: EngineRecords, engine: string): boolean {
  return Object.hasOwn(live, engine) || Object.keys(live).length < LIMITS.enginesMax
}

/** A new isolate has no steps: it begins with the epoch that it is given. One that joins again may still run on an older one. */
export function recordJoin(records: EngineRecords, engine: string, isolateId: string, epoch: number, leaseUntilMs: number): EngineRecords {
  const before = records[engine]
  if (before?.isolateId === isolateId) return { ...records, [engine]: { ...before, leaseUntilMs } }
  return { ...records, [engine]: { isolateId, epoch, oldestEpoch: epoch, leaseUntilMs, numbers: records[engine]?.numbers ?? [] } }
}

/** After `drained(epoch)` resolved, or `adopt`: what the next report will say too. */
export function recordEpoch(records: EngineRecords, engine: string, isolateId: string, change: { epoch?: number; oldestEpoch?: number }): EngineRecords {
  const before = records[engine]
  if (before === undefined || before.isolateId !== isolateId) return records
  const epoch = Math.max(before.epoch, change.epoch ?? 0)
  return { ...records, [engine]: { ...before, epoch, oldestEpoch: Math.max(before.oldestEpoch, change.oldestEpoch ?? 0) } }
}

/** Without those that were silent past their lease. */
export function liveEngines(records: EngineRecords, nowMs: number): EngineRecords {
  return Object.fromEntries(Object.entries(records).filter(([, record]) => record.leaseUntilMs > nowMs))
}

/** Live engines of which a step may still run on an epoch below this one. */
export function undrained(records: EngineRecords, epoch: number, nowMs: number): string[] {
  return Object.entries(liveEngines(records, nowMs)).flatMap(([engine, record]) => (record.oldestEpoch < epoch ? [engine] : []))
}
