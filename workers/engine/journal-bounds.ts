import { LIMITS } from '../../shared/protocol/limits.ts'

/** A batch stays small enough for one value of the store, however long `batchMs` is. */
const BATCH_TOKENS = 4096

export interface JournalBounds {
  /** Tokens are written when so many wait, and when the oldest has waited so long. */
  readonly batchTokens: number
  readonly batchMs: number
  /** How long a request without a stream is kept. */
  readonly keepMs: number
  readonly requestsMax: number
  readonly batchesMax: number
  readonly bytesMax: number
  readonly requestBytesMax: number
}

/** The bounds of an engine that writes every `batchMs`. */
export function journalBounds(batchMs: number): JournalBounds {
  const { journalKeepMs, journalRequestsMax, journalBatchesMax, journalBytesMax, journalRequestBytesMax } = LIMITS
  return {
    batchTokens: BATCH_TOKENS,
    batchMs,
    keepMs: journalKeepMs,
    requestsMax: journalRequestsMax,
    batchesMax: journalBatchesMax,
    bytesMax: journalBytesMax,
    requestBytesMax: journalRequestBytesMax,
  }
}
