import { setImmediate as nextTurn } from 'node:timers/promises'

/** As a platform's timers: none fires in the millisecond in which it was set. */
const TIMER_MIN_MS = 1

interface Timer {
  readonly atMs: number
  readonly fire: () => void
}

/**
 * Time that passes only in `run`, from one timer to the next: between two of them everything runs that needs no time. Where all that takes time waits here
 * (no disk, no socket), a run is a function of what was put in. For tests that read from disk there is turn-clock.ts.
 */
export function createSimClock() {
  let nowMs = 0
  /** In order of time, then of their setting. */
  const timers: Timer[] = []

  function setTimer(ms: number, fire: () => void): () => void {
    const timer = { atMs: nowMs + Math.max(TIMER_MIN_MS, Math.ceil(ms)), fire }
    let at = timers.length
    while (at > 0 && timers[at - 1]!.atMs > timer.atMs) at--
    timers.splice(at, 0, timer)
    return () => {
      const index = timers.indexOf(timer)
      if (index >= 0) timers.splice(index, 1)
    }
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => void setTimer(ms, resolve))
  }

  /** Lets `ms` pass, or less where `isOver` says so. */
  async function run(ms: number, isOver: () => boolean = () => false): Promise<void> {
    const untilMs = nowMs + ms
    for (;;) {
      await nextTurn() // all that waits for nothing but its turn
      if (isOver()) return
      const next = timers[0]
      if (!next || next.atMs > untilMs) break
      timers.shift()
      nowMs = next.atMs
      next.fire()
    }
    nowMs = untilMs
  }

  return { nowMs: () => nowMs, wait, setTimer, run, /** Timers that are set. */ pending: () => timers.length }
}

export type SimClock = ReturnType<typeof createSimClock>
