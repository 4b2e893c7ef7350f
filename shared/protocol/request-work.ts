import type { FinishReason } from './engine-api.ts'

/** How a sequence ended: by itself, because its caller left, or with an error. */
export type FinishedReason = FinishReason | 'abort' | 'error'

export const FINISHED_REASONS = ['stop', 'length', 'abort', 'error'] as const satisfies readonly FinishedReason[]

const SECOND = 1000
const LATENCY_MS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680].map((s) => s * SECOND)
const TOKENS = [0, 1, 2, 3, 4, 5].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power))

/** Upper bounds of each histogram's buckets, ascending: vLLM's (vllm/v1/metrics/loggers.py), so that its dashboards fit. Whole milliseconds, or tokens. */
export const HISTOGRAM_BOUNDS = {
  timeToFirstTokenMs: [1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000, 20_000, 40_000, 80_000, 160_000, 640_000, 2_560_000],
  interTokenLatencyMs: [10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2500, 5000, 7500, 10_000, 20_000, 40_000, 80_000],
  queueTimeMs: LATENCY_MS,
  prefillTimeMs: LATENCY_MS,
  decodeTimeMs: LATENCY_MS,
  e2eLatencyMs: LATENCY_MS,
  promptTokens: TOKENS,
  generationTokens: TOKENS,
} as const satisfies Record<string, readonly number[]>

export type HistogramName = keyof typeof HISTOGRAM_BOUNDS

export const HISTOGRAM_NAMES = Object.keys(HISTOGRAM_BOUNDS) as readonly HistogramName[]

/** Observations by bucket, not cumulative; the last bucket has no upper bound. */
export interface Histogram {
  readonly counts: readonly number[]
  /** Of all values, in the unit of the bounds. */
  readonly sum: number
}

const COUNTERS = ['requests', 'refused', 'promptTokens', 'generationTokens', 'prefixQueries', 'prefixHits', 'preemptions'] as const

/** What became of an engine's requests: in a window, or added up. A sequence is a choice; vLLM counts those, too. SPEC MT1. */
export interface RequestWork extends Readonly<Record<(typeof COUNTERS)[number], number>> {
  /** Sequences that ended. */
  readonly finished: Readonly<Record<FinishedReason, number>>
  readonly histograms: Readonly<Record<HistogramName, Histogram>>
}

export const NO_REQUEST_WORK: RequestWork = {
  requests: 0,
  refused: 0,
  promptTokens: 0,
  generationTokens: 0,
  prefixQueries: 0,
  prefixHits: 0,
  preemptions: 0,
  finished: { stop: 0, length: 0, abort: 0, error: 0 },
  histograms: byHistogram((name) => ({ counts: Array.from({ length: bucketCount(name) }, () => 0), sum: 0 })),
}

/** The bucket of a value: the first whose bound is not below it. */
export function bucketOf(name: HistogramName, value: number): number {
  const bounds: readonly number[] = HISTOGRAM_BOUNDS[name]
  let bucket = 0
  while (bucket < bounds.length && bounds[bucket]! < value) bucket++
  return bucket
}

export function addRequestWork(sums: RequestWork, work: RequestWork): RequestWork {
  const counters = Object.fromEntries(COUNTERS.map((name) => [name, sums[name] + work[name]])) as Record<(typeof COUNTERS)[number], number>
  const finished = Object.fromEntries(FINISHED_REASONS.map((reason) => [reason, sums.finished[reason] + work.finished[reason]]))
  const histograms = byHistogram((name) => {
    const [before, more] = [sums.histograms[name], work.histograms[name]]
    return { counts: before.counts.map((count, bucket) => count + more.counts[bucket]!), sum: before.sum + more.sum }
  })
  return { ...counters, finished: finished as RequestWork['finished'], histograms }
}

/** Whether this is what an engine of this version counts: whole amounts, and each bucket. */
export function isRequestWork(work: RequestWork | undefined): work is RequestWork {
  if (!work?.finished || !work.histograms) return false
  return (
    COUNTERS.every((name) => isAmount(work[name])) &&
    FINISHED_REASONS.every((reason) => isAmount(work.finished[reason])) &&
    HISTOGRAM_NAMES.every((name) => isHistogram(name, work.histograms[name]))
  )
}

function isHistogram(name: HistogramName, histogram: Histogram | undefined): boolean {
  return Array.isArray(histogram?.counts) && histogram.counts.length === bucketCount(name) && histogram.counts.every(isAmount) && isAmount(histogram.sum)
}

function isAmount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function bucketCount(name: HistogramName): number {
  return HISTOGRAM_BOUNDS[name].length + 1
}

function byHistogram<T>(make: (name: HistogramName) => T): Record<HistogramName, T> {
  return Object.fromEntries(HISTOGRAM_NAMES.map((name) => [name, make(name)])) as Record<HistogramName, T>
}
