import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * A clock that moves a millisecond each turn of the event loop, and only while somebody waits: whatever is under way has its turns, and a minute is over
 * in a fraction of a second. It stands still during what takes real time: else a minute would be over before a busy machine has read a file.
 */
export function createTurnClock() {
  let nowMs = 0
  let turning = false
  const real = new Set<Promise<unknown>>()
  const sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>()

  function wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    sleepers.add({ atMs: nowMs + ms, wake: resolve })
    if (!turning) void turn()
    return promise
  }

  /** Real work, such as a read from disk: in this clock's time it takes none. */
  function during<T>(work: Promise<T>): Promise<T> {
    const over = work.finally(() => real.delete(over))
    real.add(over)
    return over
  }

  async function turn(): Promise<void> {
    turning = true
    while (sleepers.size > 0) {
      await nextTurn()
      while (real.size > 0) await Promise.allSettled(real)
      nowMs++
      for (const sleeper of sleepers) {
        if (sleeper.atMs > nowMs) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    }
    turning = false
  }

  return { nowMs: () => nowMs, wait, during }
}

export type TurnClock = ReturnType<typeof createTurnClock>
