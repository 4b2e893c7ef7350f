import { nearestRank } from './percentiles.ts'
import { outputTokens } from './request-record.ts'
import type { RequestRecord } from './request-record.ts'
import { timesOf } from './request-times.ts'

/** A run over time, in bins of `binMs` from `fromMs` on. Rates are per second; latencies are those of the requests that were due in the bin. */
export interface LoadSeries {
  readonly fromMs: number
  readonly binMs: number
  readonly bins: readonly LoadBin[]
}

export interface LoadBin {
  /** Requests that were due. */
  readonly duePerS: number
  /** Answers that ended, and requests that failed (or could not be sent). */
  readonly answeredPerS: number
  readonly failedPerS: number
  readonly outputTokensPerS: number
  /** Null where no request of the bin was answered. */
  readonly ttftMs: Quantiles | null
  readonly tpotMs: Quantiles | null
}

export interface Quantiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

const BINS_MAX = 40
const BIN_SECONDS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800]

/** Bins the run from the beginning of its warm-up to the end of its measured time. What comes later is in no bin. */
export function loadSeries(records: readonly RequestRecord[], warmupMs: number, durationMs: number): LoadSeries {
  const spanMs = warmupMs + durationMs
  const binMs = 1000 * (BIN_SECONDS.find((seconds) => spanMs / (seconds * 1000) <= BINS_MAX) ?? BIN_SECONDS.at(-1)!)
  const fromMs = -Math.ceil(warmupMs / binMs) * binMs // bins begin at multiples, so that 0 is a border
  const bins = Array.from({ length: Math.ceil((durationMs - fromMs) / binMs) }, () => ({
    due: 0,
    answered: 0,
    failed: 0,
    tokens: 0,
    ttft: [] as number[],
    tpot: [] as number[],
  }))
  const binAt = (ms: number) => bins[Math.floor((ms - fromMs) / binMs)]
  for (const record of records) {
    const due = binAt(record.request.atMs)
    const ended = binAt(record.endMs ?? record.request.atMs)
    if (due) due.due++
    if (ended && record.outcome.kind === 'ok') ended.answered++
    if (ended && (record.outcome.kind === 'error' || record.outcome.kind === 'not-sent')) ended.failed++
    for (const ms of record.pieceMs) {
      const bin = binAt(ms)
      if (bin) bin.tokens += outputTokens(record) / record.pieceMs.length
    }
    const times = timesOf(record)
    if (times && due) due.ttft.push(times.ttftMs)
    if (times && due && times.tpotMs !== null) due.tpot.push(times.tpotMs)
  }
  const widthS = (i: number) => (Math.min(binMs, durationMs - fromMs - i * binMs) - (i === 0 ? -warmupMs - fromMs : 0)) / 1000 // the first and the last may be cut
  return {
    fromMs,
    binMs,
    bins: bins.map(({ due, answered, failed, tokens, ttft, tpot }, i) => ({
      duePerS: due / widthS(i),
      answeredPerS: answered / widthS(i),
      failedPerS: failed / widthS(i),
      outputTokensPerS: tokens / widthS(i),
      ttftMs: quantiles(ttft),
      tpotMs: quantiles(tpot),
    })),
  }
}

function quantiles(values: readonly number[]): Quantiles | null {
  if (values.length === 0) return null
  const sorted = Float64Array.from(values).sort()
  return { p50: nearestRank(sorted, 50), p90: nearestRank(sorted, 90), p99: nearestRank(sorted, 99) }
}
