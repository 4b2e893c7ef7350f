/** A call is late when it takes so many times what such calls took lately, and at least so long. SPEC FA8. */
const HEDGE_FACTOR = 8
export const HEDGE_MIN_MS = 100
/** Weight of a new round trip in what is typical. */
const NEWEST = 1 / 32
const TICK_MS = 25

/** Typical calls: exponential means of their round trips and their pairs, over all hosts. */
export interface TypicalCall {
  readonly rttMs: number
  readonly pairs: number
}

/**
 * How long to wait for a call before another replica is asked, too. A call with more pairs than usual is given more time, in proportion: what a
 * prompt's chunk takes says nothing about its host.
 */
export function hedgeAfterMs(typical: TypicalCall, pairs: number): number {
  const share = typical.pairs > 0 ? Math.max(1, pairs / typical.pairs) : 1
  return Math.max(HEDGE_MIN_MS, HEDGE_FACTOR * typical.rttMs * share)
}

export interface HedgeClockDeps {
  nowMs(): number
  wait(ms: number): Promise<void>
}

/** A call that is watched. `late` resolves when it is; `stop` when it was answered. */
export interface Watched {
  readonly late: Promise<void>
  stop(): void
}

/**
 * Says which calls are late. One ticking timer for all, and only while calls are out that have another replica: a timer each would cost more
 * than the call (docs/design/engine.md). `answered` looks at the clock, too: timers are not fired while other calls keep the thread busy.
 */
export function createHedgeClock({ nowMs, wait }: HedgeClockDeps) {
  const out = new Set<{ readonly atMs: number; readonly fire: () => void }>()
  const typical = { rttMs: 0, pairs: 0 }
  let ticking = false

  function watch(pairs: number): Watched {
    const { promise, resolve } = Promise.withResolvers<void>()
    const entry = { atMs: nowMs() + hedgeAfterMs(typical, pairs), fire: resolve }
    out.add(entry)
    if (!ticking) void tick()
    return { late: promise, stop: () => void out.delete(entry) }
  }

  /** A late answer counts as one that came just in time: one sick host does not make all of them look slow. */
  function answered(rttMs: number, pairs: number): void {
    const counted = rttMs < HEDGE_MIN_MS ? rttMs : Math.min(rttMs, hedgeAfterMs(typical, pairs))
    typical.rttMs += (counted - typical.rttMs) * NEWEST
    typical.pairs += (pairs - typical.pairs) * NEWEST
    if (out.size > 0) look()
  }

  async function tick(): Promise<void> {
    ticking = true
    try {
      while (out.size > 0) {
        await wait(TICK_MS)
        look()
      }
    } finally {
      ticking = false
    }
  }

  function look(): void {
    const now = nowMs()
    for (const entry of out) {
      if (entry.atMs > now) continue
      out.delete(entry)
      entry.fire()
    }
  }

  return { watch, answered }
}

export type HedgeClock = ReturnType<typeof createHedgeClock>
