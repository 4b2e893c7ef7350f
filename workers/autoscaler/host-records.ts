import { holdsExperts } from '../../shared/placement/placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { PlanHost } from '../../shared/placement/plan.ts'
import type { HostStatus, HostTraffic } from '../../shared/protocol/autoscaler-api.ts'
import type { HostStatusReport } from '../../shared/protocol/host-api.ts'
import { countUsage } from './host-usage.ts'
import type { HostUsage } from './host-usage.ts'

/** What is known of a host that answered at least once, or did not answer when it was asked. */
export interface HostRecord {
  readonly lost: boolean
  readonly isolateId: string | null
  readonly leaseUntilMs: number
  readonly report: HostStatusReport | null
  /** It must be asked what it holds before it is believed: a call failed, an engine missed something, or it may hold what nobody wants. */
  readonly suspect: boolean
  /** What it counted, for ever; absent until it was heard. */
  readonly usage?: HostUsage
  /** What it said last, also when it was only asked for its counters: plans go by `report`. */
  readonly heard?: HostStatusReport
}

/** By host. */
export type HostRecords = Readonly<Record<string, HostRecord>>

const UNKNOWN: HostRecord = { lost: false, isolateId: null, leaseUntilMs: 0, report: null, suspect: false }

export function recordOf(records: HostRecords, host: string): HostRecord {
  return records[host] ?? UNKNOWN
}

export function putRecord(records: HostRecords, host: string, change: Partial<HostRecord>): HostRecords {
  return { ...records, [host]: { ...recordOf(records, host), ...change } }
}

/** After an answer. A host that was lost or reset answers, but only a check knows what it holds. */
export function answered(records: HostRecords, report: HostStatusReport, host: string, leaseUntilMs: number, nowMs: number): HostRecords {
  const before = recordOf(records, host)
  const wasReset = before.isolateId !== null && before.isolateId !== report.isolateId
  return putRecord(records, host, {
    lost: false,
    suspect: before.suspect || before.lost || wasReset,
    isolateId: report.isolateId,
    report,
    leaseUntilMs,
    usage: countUsage(before.usage, report, nowMs),
    heard: report,
  })
}

/**
 * After a table that does not follow from the last one: hosts may hold what that one gave them, pinned. Whoever was ever heard of is asked;
 * of hosts that are not deployed any more nothing is kept.
 */
export function doubtAll(records: HostRecords, hosts: readonly string[]): HostRecords {
  return Object.fromEntries(hosts.flatMap((host) => (records[host] ? [[host, { ...records[host], suspect: true }]] : [])))
}

/** They are asked what they hold, also those that were never heard of. */
export function suspectHosts(records: HostRecords, hosts: readonly string[]): HostRecords {
  return hosts.reduce((noted, host) => putRecord(noted, host, { suspect: true }), records)
}

/** What engines saw: calls that were answered renew a host's lease, those that failed make it suspect, and so do answers of one that should hold nothing. SPEC EL12. */
export function noteTraffic(
  records: HostRecords,
  placement: Placement,
  traffic: readonly HostTraffic[],
  leaseUntilMs: number,
): { readonly records: HostRecords; readonly suspects: boolean } {
  let noted = records
  let suspects = false
  for (const { host, calls, faults } of traffic) {
    if (!placement.hosts.includes(host)) continue
    const before = recordOf(noted, host)
    const failed = Object.values(faults).some((count) => count > 0)
    // A lost host that answers an engine is back. One that fails is known to be lost: it is asked when its time comes.
    // One that the table gives nothing was called by a step of an older table: on an isolate that is new it has loaded what that one gave it, and nobody else asks.
    const strayed = calls > 0 && !holdsExperts(placement, placement.hosts.indexOf(host))
    const suspect = before.suspect || (before.lost ? calls > 0 && !failed : failed || strayed)
    suspects ||= suspect && !before.suspect
    noted = putRecord(noted, host, { suspect, leaseUntilMs: calls > 0 && !failed && !before.lost ? leaseUntilMs : before.leaseUntilMs })
  }
  return { records: noted, suspects }
}

/** Warm: it holds something. A host that holds nothing is called by nobody and goes cold by itself. SPEC EL13. */
export function hostState(records: HostRecords, placement: Placement, host: number): HostStatus['state'] {
  if (recordOf(records, placement.hosts[host]!).lost) return 'lost'
  return holdsExperts(placement, host) ? 'warm' : 'standby'
}

/** The hosts as the planner sees them. Where no cold host may be woken, it is told that there is none. */
export function planHosts(records: HostRecords, placement: Placement, budgetBytes: number, wakeStandby: boolean): PlanHost[] {
  return placement.hosts.map((host, index) => {
    const state = hostState(records, placement, index)
    return {
      host,
      isolateId: recordOf(records, host).isolateId,
      budgetBytes,
      speed: 1,
      state: state === 'standby' && !wakeStandby ? 'lost' : state,
    }
  })
}

/**
 * Hosts that must be asked now: suspects, and while there is traffic those that were silent past their lease though they should hold something, or are lost.
 * Nobody asks a cold host; without traffic all are silent, and that says nothing. SPEC EL12.
 */
export function hostsToAsk(records: HostRecords, placement: Placement, nowMs: number, inTraffic: boolean): string[] {
  return placement.hosts.filter((host, index) => {
    const record = recordOf(records, host)
    if (record.suspect) return true
    return inTraffic && record.leaseUntilMs <= nowMs && (record.lost || holdsExperts(placement, index))
  })
}
