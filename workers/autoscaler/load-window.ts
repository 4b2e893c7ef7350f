import type { WindowLoad } from '../../shared/placement/demand.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { CallSums, EngineReport } from '../../shared/protocol/autoscaler-api.ts'
import { isRequestWork } from '../../shared/protocol/request-work.ts'

/** The reports that came since the last window was closed, added up. */
export interface LoadWindow extends WindowLoad {
  readonly startMs: number
  /** Of a report in this window or one before. */
  readonly lastReportMs: number
  readonly steady: EngineReport['steady']
  /** By host; without first uses, which may hold a load of weights. */
  readonly hosts: Readonly<Record<string, CallSums>>
}

/** What a mean step took, smoothed. */
export interface StepTimes {
  /** Of a steady step. Null until one was seen. */
  readonly measuredMs: number | null
  /** Of it, the engine's own time: what it did not wait for experts. */
  readonly ownMs: number | null
  readonly stepsPerS: number
}

/** @param expertCounts [layers] experts of each layer. */
export function emptyWindow(expertCounts: readonly number[], startMs: number, lastReportMs: number): LoadWindow {
  return {
    startMs,
    lastReportMs,
    load: expertCounts.map((count) => Array.from({ length: count }, () => 0)),
    steps: 0,
    steady: { steps: 0, stepSumMs: 0, expertsSumMs: 0 },
    hosts: {},
  }
}

/** The first report after an idle time begins its window anew: the alarm slept, and no rate is taken over that time. */
export function addReport(window: LoadWindow, report: EngineReport, nowMs: number): LoadWindow {
  const hosts: Record<string, CallSums> = { ...window.hosts }
  for (const { host, calls, pairs, rttSumMs, first } of report.hosts) {
    const before = hosts[host] ?? { calls: 0, pairs: 0, rttSumMs: 0 }
    hosts[host] = {
      calls: before.calls + calls - first.calls,
      pairs: before.pairs + pairs - first.pairs,
      rttSumMs: before.rttSumMs + rttSumMs - first.rttSumMs,
    }
  }
  const { steady } = window
  return {
    startMs: window.steps === 0 ? Math.max(window.startMs, nowMs - report.windowMs) : window.startMs,
    lastReportMs: nowMs,
    load: window.load.map((experts, layer) => experts.map((pairs, expert) => pairs + report.load[layer]![expert]!)),
    steps: window.steps + report.steps,
    steady: {
      steps: steady.steps + report.steady.steps,
      stepSumMs: steady.stepSumMs + report.steady.stepSumMs,
      expertsSumMs: steady.expertsSumMs + report.steady.expertsSumMs,
    },
    hosts,
  }
}

/** Smoothed as the load is: a span of `smoothingWindows`, windows weighed alike; a window without a step shows in the rate alone. */
export function smoothStepTimes(previous: StepTimes | null, window: LoadWindow, nowMs: number, smoothingWindows: number): StepTimes {
  const weight = 2 / (smoothingWindows + 1)
  const stepsPerS = (window.steps * 1000) / Math.max(1, nowMs - window.startMs)
  const { steps, stepSumMs, expertsSumMs } = window.steady
  const smooth = (before: number | null, sumMs: number) => (steps === 0 ? before : before === null ? sumMs / steps : before + weight * (sumMs / steps - before))
  return {
    measuredMs: smooth(previous?.measuredMs ?? null, stepSumMs),
    ownMs: smooth(previous?.ownMs ?? null, stepSumMs - expertsSumMs),
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
  const { steady } = report
  if (!isPart(steady, report, ['steps', 'stepSumMs']) || !isSpan(steady.expertsSumMs) || steady.expertsSumMs > steady.stepSumMs) return 'steady'
  if (!GAUGES.every((gauge) => isCount(report[gauge]))) return 'running'
  if (!isRequestWork(report.requests)) return 'requests'
  const traffic = report.hosts.every(
    (host) =>
      isCount(host.calls) &&
      isCount(host.pairs) &&
      isCount(host.hedged) &&
      areFaults(host.faults) &&
      isPart(host, host, CALL_SUMS) &&
      isPart(host.first, host, CALL_SUMS),
  )
  return traffic ? null : 'hosts'
}

const GAUGES = ['running', 'waiting', 'kvPagesUsed', 'kvPagesTotal'] as const
const CALL_SUMS = ['calls', 'pairs', 'rttSumMs'] as const

function areFaults(faults: Readonly<Record<string, number>> | undefined): boolean {
  return faults !== undefined && Object.values(faults).every(isCount)
}

/** Whether these are amounts, none above the whole's. */
function isPart<K extends string>(part: Readonly<Record<K, number>> | undefined, whole: Readonly<Record<K, number>>, keys: readonly K[]): boolean {
  return part !== undefined && keys.every((key) => isSpan(part[key]) && part[key] <= whole[key])
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
