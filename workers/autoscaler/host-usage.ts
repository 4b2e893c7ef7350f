import type { HostStatusReport, HostWork } from '../../shared/protocol/host-api.ts'

/** A host's own counters, which begin anew with each isolate, as sums that never go back. SPEC MT2. */
export interface HostUsage {
  readonly isolateId: string
  /** What this isolate had counted when it was heard last. */
  readonly seen: HostWork
  readonly sums: HostWork
  readonly isolates: number
  /** Isolates before this one, the latest last; absent in what an older version stored. */
  readonly past?: readonly string[]
  readonly askedMs: number
}

const NO_WORK: HostWork = { frames: 0, pairs: 0, loads: 0, drops: 0, storageBytes: 0, peerBytes: 0 }
const FIELDS = Object.keys(NO_WORK) as (keyof HostWork)[]

/** An answer is written seconds after it was given, at most: a host is not reset so often meanwhile. */
const PAST_KEPT = 4

/** Another isolate has counted from 0; of the same one what is new counts, and of an answer that was overtaken, also by a reset, nothing. */
export function countUsage(usage: HostUsage | undefined, { isolateId, work }: HostStatusReport, nowMs: number): HostUsage {
  if (usage?.past?.includes(isolateId)) return usage
  const isSame = usage?.isolateId === isolateId
  const before = isSame ? usage.seen : NO_WORK
  const seen = byField((field) => Math.max(work[field], before[field]))
  const sums = usage?.sums ?? NO_WORK
  return {
    isolateId,
    seen,
    sums: byField((field) => sums[field] + seen[field] - before[field]),
    isolates: (usage?.isolates ?? 0) + (isSame ? 0 : 1),
    past: isSame || usage === undefined ? (usage?.past ?? []) : [...(usage.past ?? []), usage.isolateId].slice(-PAST_KEPT),
    askedMs: nowMs,
  }
}

function byField(make: (field: keyof HostWork) => number): HostWork {
  return Object.fromEntries(FIELDS.map((field) => [field, make(field)])) as unknown as HostWork
}
