import { outputTokens } from './request-record.ts'
import type { RequestRecord } from './request-record.ts'

/** The latencies of one request that was answered, in ms. */
export interface RequestTimes {
  /** Scheduled time to the first piece of output: what the sender or a queue before it lost is in it. SPEC LT2. */
  readonly ttftMs: number
  /** (last piece − first piece) ÷ (output tokens − 1). Null for a single token. */
  readonly tpotMs: number | null
  /** Scheduled time to the end of the stream. */
  readonly e2eMs: number
  /** Between one piece and the next. Pieces that came in one read have gaps near 0. */
  readonly interTokenMs: readonly number[]
  /** E2E − (TTFT + (n − 1) · TPOT): from the last piece to the end of the stream, where only usage and [DONE] are due. */
  readonly tailMs: number
}

/** Null for a request that was not answered in full. */
export function timesOf(record: RequestRecord): RequestTimes | null {
  const { request, outcome, endMs, pieceMs } = record
  if (outcome.kind !== 'ok' || endMs === null || pieceMs.length === 0) return null
  const first = pieceMs[0]!
  const last = pieceMs.at(-1)!
  const tokens = outputTokens(record)
  return {
    ttftMs: first - request.atMs,
    tpotMs: tokens > 1 ? (last - first) / (tokens - 1) : null,
    e2eMs: endMs - request.atMs,
    interTokenMs: pieceMs.slice(1).map((ms, i) => ms - pieceMs[i]!),
    tailMs: endMs - last,
  }
}
