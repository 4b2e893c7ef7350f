import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * A clock that moves a millisecond each turn of the event loop, and only while somebody waits: whatever is under way has its turns, a minute is over
 * in a fraction of a second, and a busy machine slows both alike.
 */
export function createTurnClock() {
  let nowMs = 0
  let turning = false
  const sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>()

  function wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    sleepers.add({ atMs: nowMs + ms, wake: resolve })
    if (!turning) void turn()
    return promise
  }

  async function turn(): Promise<void> {
    turning = true
    while (sleepers.size > 0) {
      await nextTurn()
      nowMs++
      for (const sleeper of sleepers) {
        if (sleeper.atMs > nowMs) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    }
    turning = false
  }

  return { nowMs: () => nowMs, wait }
}

export type TurnClock = ReturnType<typeof createTurnClock>
