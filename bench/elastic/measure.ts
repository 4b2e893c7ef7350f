import { compareOutputs } from '../../cli/load/compare-outputs.ts'
import type { RequestRecord } from '../../cli/load/request-record.ts'
import { summarizeLoad } from '../../cli/load/summary.ts'
import type { GroupSummary } from '../../cli/load/summary.ts'
import type { Slo } from '../../cli/load/slo.ts'
import type { ClusterState } from './admin.ts'
import type { Trial } from './trial.ts'

/** A trial in numbers. What needs a command is null where none was given. */
export interface TrialMeasures {
  readonly latencyMs: number | null
  /** Weights that were loaded for the new placement. */
  readonly bytesMoved: number | null
  readonly copies: number | null
  /** Output tokens a second: in the 2 s before the command, from it until it was in force, and from then to the end. */
  readonly tokensPerS: { readonly before: number; readonly during: number | null; readonly after: number | null }
  /** Requests due between shift and command; under way at any time from the command until it was in force; due after. */
  readonly before: GroupSummary
  readonly during: GroupSummary | null
  readonly after: GroupSummary | null
  /** All that were due in the measured time. */
  readonly all: GroupSummary
  readonly failed: number
  readonly altered: number
  readonly compared: number
}

const BEFORE_MS = 2000

/** @param reference records of a static run of the same schedule. */
export function measureTrial(trial: Trial, reference: readonly RequestRecord[], slo: Slo): TrialMeasures {
  const { commandMs, effectiveMs, event, times, run } = trial
  const { records } = run
  const group = (belongs: (record: RequestRecord) => boolean) => summarizeLoad(records.filter(belongs), times.durationMs, 2, slo).all
  const due = (fromMs: number, toMs: number) => group(({ request: { atMs } }) => atMs >= fromMs && atMs < toMs)
  const loads = event?.moves.filter(({ kind }) => kind === 'load')
  const { compared, altered } = compareOutputs(records, reference)
  return {
    latencyMs: effectiveMs === null ? null : effectiveMs - commandMs,
    bytesMoved: loads?.reduce((sum, { bytes }) => sum + bytes, 0) ?? null,
    copies: loads?.length ?? null,
    tokensPerS: {
      before: tokenRate(records, commandMs - BEFORE_MS, commandMs),
      during: effectiveMs === null ? null : tokenRate(records, commandMs, effectiveMs),
      after: effectiveMs === null ? null : tokenRate(records, effectiveMs, times.durationMs),
    },
    before: due(times.shiftMs, commandMs),
    during: effectiveMs === null ? null : group((record) => underWay(record, commandMs, effectiveMs)),
    after: effectiveMs === null ? null : due(effectiveMs, times.durationMs),
    all: due(0, times.durationMs),
    failed: records.filter(({ outcome }) => outcome.kind !== 'ok').length,
    altered: altered.length,
    compared,
  }
}

function underWay({ sentMs, endMs }: RequestRecord, fromMs: number, toMs: number): boolean {
  return sentMs !== null && endMs !== null && sentMs <= toMs && endMs >= fromMs
}

/**
 * Tokens a second in a span that may be shorter than a step: each token counts over the time since its stream's last one (the first: since the request was sent), with the part
 * of it that lies in the span. Whole tokens would be off by a step's worth at both ends.
 */
export function tokenRate(records: readonly RequestRecord[], fromMs: number, toMs: number): number {
  let tokens = 0
  for (const { sentMs, pieceMs } of records) {
    let lastMs = sentMs ?? 0
    for (const ms of pieceMs) {
      const withinMs = Math.min(ms, toMs) - Math.max(lastMs, fromMs)
      if (withinMs > 0) tokens += withinMs / (ms - lastMs)
      lastMs = ms
    }
  }
  return (tokens / (toMs - fromMs)) * 1000
}

/** Bytes of experts on each host: the engine's fresh numbers where it is connected. */
export function residentBytes({ hosts, autoscaler }: ClusterState): Map<string, number> {
  const said = new Map(autoscaler.hosts.map(({ host, report }) => [host, report?.residentBytes ?? 0]))
  return new Map(hosts.map(({ host, isolateId, residentBytes: bytes }) => [host, isolateId === null ? (said.get(host) ?? 0) : bytes]))
}

export interface PeakBytes {
  /** Experts of the hosts before, and the new copies. */
  readonly steady: number
  /** The most that hosts held at one time, each its own. */
  readonly peak: number
  /** The engine's memory, which does not change. */
  readonly engine: number
}

/**
 * Memory while copies come in. A host that loads counts with the most that it ever held, its first fill included: an upper bound of what it held in the event.
 */
export function peakBytes({ before, after, event }: Pick<Trial, 'before' | 'after' | 'event'>): PeakBytes {
  const resident = residentBytes(before)
  const loads = event?.moves.filter(({ kind }) => kind === 'load') ?? []
  const loading = new Set(loads.map(({ host }) => host))
  const sum = (values: Iterable<number>) => Array.from(values).reduce((a, b) => a + b, 0)
  const peakOf = (host: string) => after.autoscaler.hosts.find((each) => each.host === host)?.report?.peakBytes ?? 0
  return {
    steady: sum(resident.values()) + sum(loads.map(({ bytes }) => bytes)),
    peak: sum(Array.from(resident, ([host, bytes]) => (loading.has(host) ? Math.max(bytes, peakOf(host)) : bytes))),
    engine: before.memoryBytes,
  }
}
