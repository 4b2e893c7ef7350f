const MINUTE_MS = 60_000

/**
 * What of a minute's limit is spent. It flows back at the limit's own rate, so a full minute's worth may come at once and no more than
 * the limit after it: a token bucket (Turner 1986), in which no two windows meet. Counted in 60,000ths, of which a limit of L gives back L a
 * millisecond: all numbers are whole, and nothing is lost to rounding.
 */
export interface RateBucket {
  readonly spent: number
  readonly atMs: number
}

export const EMPTY_BUCKET: RateBucket = { spent: 0, atMs: 0 }

/** The bucket as it is at `nowMs`. A clock that went back gives nothing back. */
export function flowBack(bucket: RateBucket, limit: number, nowMs: number): RateBucket {
  const passedMs = Math.max(0, nowMs - bucket.atMs)
  return { spent: Math.max(0, bucket.spent - passedMs * limit), atMs: Math.max(bucket.atMs, nowMs) }
}

export function spend(bucket: RateBucket, count: number): RateBucket {
  return { ...bucket, spent: bucket.spent + count * MINUTE_MS }
}

/** How many are free; `held` are taken and not spent yet. */
export function remaining(bucket: RateBucket, limit: number, held: number): number {
  return Math.max(0, Math.floor(limit - held - bucket.spent / MINUTE_MS))
}

/** Until `count` are free where `held` stay taken as if they were spent; 0: now. */
export function waitMs(bucket: RateBucket, limit: number, held: number, count: number): number {
  return Math.max(0, Math.ceil((bucket.spent + (held + count - limit) * MINUTE_MS) / limit))
}
