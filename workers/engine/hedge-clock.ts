/** A call is late when it takes so many times what such calls took lately, and at least so long. SPEC FA8. */
const HEDGE_FACTOR = 8
export const HEDGE_MIN_MS = 100
/** Until so many calls were answered nothing is late: first uses load weights. */
const CALLS_MIN = 32
/** How far a call moves what is typical towards itself: from 1 to 500 ms in 65 calls. */
const STEP = 1.1
const FLOOR = 0.1
const TICK_MS = 25

/** Recent calls: running medians of their round trips and their pairs over all hosts, and how many there were. */
export interface TypicalCall {
  readonly calls: number
  readonly rttMs: number
  readonly pairs: number
}

/**
 * How long to wait for a call before another replica is asked, too. With more pairs than usual it is given more time, in proportion: what a
 * prompt's chunk takes says nothing about its host.
 * @param pairs of the call and of those that the host has to answer before it: a busy host is not a sick one, and a hedge would only make others busier.
 */
export function hedgeAfterMs(typical: TypicalCall, pairs: number): number {
  if (typical.calls < CALLS_MIN) return Infinity
  return Math.max(HEDGE_MIN_MS, HEDGE_FACTOR * typical.rttMs * Math.max(1, pairs / typical.pairs))
}

/** A running median: a step up or down, whatever the distance, so that one load of weights or one sick host does not move it. */
function towards(median: number, value: number): number {
  return value > median ? median * STEP : value < median ? Math.max(FLOOR, median / STEP) : median
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
  const typical = { calls: 0, rttMs: FLOOR, pairs: 1 }
  let ticking = false

  /** @param pairs as `hedgeAfterMs` has them. */
  function watch(pairs: number): Watched {
    const { promise, resolve } = Promise.withResolvers<void>()
    const entry = { atMs: nowMs() + hedgeAfterMs(typical, pairs), fire: resolve }
    out.add(entry)
    if (!ticking) void tick()
    return { late: promise, stop: () => void out.delete(entry) }
  }

  function answered(rttMs: number, pairs: number): void {
    typical.calls++
    typical.rttMs = towards(typical.rttMs, rttMs)
    typical.pairs = towards(typical.pairs, pairs)
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
