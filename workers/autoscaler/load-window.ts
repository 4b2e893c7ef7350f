import type { WindowLoad } from '../../shared/placement/demand.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { EngineReport, HostTraffic } from '../../shared/protocol/autoscaler-api.ts'

/** The reports that came since the last window was closed, added up. */
export interface LoadWindow extends WindowLoad {
  readonly startMs: number
  /** Of a report in this window or one before. */
  readonly lastReportMs: number
  readonly stepSumMs: number
  readonly hosts: Readonly<Record<string, WindowTraffic>>
}

export type WindowTraffic = Pick<HostTraffic, 'calls' | 'pairs' | 'rttSumMs'>

/** What a mean step took, smoothed. */
export interface StepTimes {
  /** Null until a step was seen. */
  readonly measuredMs: number | null
  readonly stepsPerS: number
}

/** @param expertCounts [layers] experts of each layer. */
export function emptyWindow(expertCounts: readonly number[], startMs: number, lastReportMs: number): LoadWindow {
  return { startMs, lastReportMs, load: expertCounts.map((count) => Array.from({ length: count }, () => 0)), steps: 0, stepSumMs: 0, hosts: {} }
}

/** The first report after an idle time begins its window anew: the alarm slept, and no rate is taken over that time. */
export function addReport(window: LoadWindow, report: EngineReport, nowMs: number): LoadWindow {
  const hosts: Record<string, WindowTraffic> = { ...window.hosts }
  for (const { host, calls, pairs, rttSumMs } of report.hosts) {
    const before = hosts[host] ?? { calls: 0, pairs: 0, rttSumMs: 0 }
    hosts[host] = { calls: before.calls + calls, pairs: before.pairs + pairs, rttSumMs: before.rttSumMs + rttSumMs }
  }
  return {
    startMs: window.steps === 0 ? Math.max(window.startMs, nowMs - report.windowMs) : window.startMs,
    lastReportMs: nowMs,
    load: window.load.map((experts, layer) => experts.map((pairs, expert) => pairs + report.load[layer]![expert]!)),
    steps: window.steps + report.steps,
    stepSumMs: window.stepSumMs + report.stepSumMs,
    hosts,
  }
}

/** Smoothed as the load is: a span of `smoothingWindows`, windows weighed alike; a window without a step shows in the rate alone. */
export function smoothStepTimes(previous: StepTimes | null, window: LoadWindow, nowMs: number, smoothingWindows: number): StepTimes {
  const weight = 2 / (smoothingWindows + 1)
  const stepsPerS = (window.steps * 1000) / Math.max(1, nowMs - window.startMs)
  const stepMs = window.steps > 0 ? window.stepSumMs / window.steps : null
  const measured = previous?.measuredMs ?? null
  return {
    measuredMs: stepMs === null ? measured : measured === null ? stepMs : measured + weight * (stepMs - measured),
    stepsPerS: previous === null ? stepsPerS : previous.stepsPerS + weight * (stepsPerS - previous.stepsPerS),
  }
}

/** A table goes past the epochs of a store that was lost, so far at most: as many again are left up to EPOCH_MAX of a frame. */
const EPOCH_PASSED_MAX = 2 ** 31

/**
 * What is wrong with a report, or null: an engine of another deployment may still speak for a while. Counts are whole: a fraction of a call or a step
 * would divide to what no number holds, and stay in every mean.
 */
export function reportFault(report: EngineReport, expertCounts: readonly number[], tableEpoch: number): string | null {
  if (!isName(report.engine)) return 'engine'
  if (!isName(report.isolateId)) return 'isolateId'
  if (report.load.length !== expertCounts.length || report.load.some((experts, layer) => experts.length !== expertCounts[layer])) return 'load'
  if (!report.load.every((experts) => experts.every(isCount))) return 'load'
  if (report.hosts.length > LIMITS.hostsMax) return 'hosts'
  if (!isCount(report.number) || report.number < 1) return 'number'
  if (!isCount(report.epoch) || report.epoch > Math.max(EPOCH_PASSED_MAX, tableEpoch)) return 'epoch'
  if (!isCount(report.oldestEpoch) || report.oldestEpoch > report.epoch) return 'oldestEpoch'
  if (!isCount(report.steps)) return 'steps'
  if (!isSpan(report.stepSumMs) || !isSpan(report.windowMs)) return 'windowMs'
  const traffic = report.hosts.every(({ calls, pairs, rttSumMs }) => isCount(calls) && isCount(pairs) && isSpan(rttSumMs))
  return traffic ? null : 'hosts'
}

/** A name that is kept: a key of a stored document. */
export function isName(name: string): boolean {
  return typeof name === 'string' && name.length > 0 && name.length <= LIMITS.engineNameChars
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

/** Milliseconds that sums of any number of reports can hold. */
function isSpan(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}
