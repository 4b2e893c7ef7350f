import { err, ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'

/** How often deadlines are looked at: a call is given up after CALL_TICKS to CALL_TICKS + 1 of these. */
const TICK_MS = 5000
const CALL_TICKS = 12
export const CALL_DEADLINE_MS = TICK_MS * CALL_TICKS

/** Waits for a call, but not for ever. The call's own rejection passes through. */
export type Within = <T>(call: Promise<T>) => Promise<Result<T, 'late'>>

/**
 * Deadlines of many short calls on one timer, which runs only while a call is under way. A timer for each call would cost more than the
 * call (docs/design/engine.md). SPEC WI5.
 */
export function createCallDeadlines(wait: (ms: number) => Promise<void>): Within {
  const pending = new Map<() => void, number>()
  let ticking = false

  async function tick(): Promise<void> {
    ticking = true
    try {
      while (pending.size > 0) {
        await wait(TICK_MS)
        for (const [expire, ticks] of pending) {
          if (ticks >= CALL_TICKS) expire()
          else pending.set(expire, ticks + 1)
        }
      }
    } finally {
      ticking = false
    }
  }

  return (call) =>
    new Promise((resolve, reject) => {
      const expire = () => resolve(err('late'))
      pending.set(expire, 0)
      if (!ticking) void tick()
      call.then(
        (value) => {
          pending.delete(expire)
          resolve(ok(value))
        },
        (error: unknown) => {
          pending.delete(expire)
          reject(error)
        },
      )
    })
}
