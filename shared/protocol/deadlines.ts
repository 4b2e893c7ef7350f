import { err, ok } from './result.ts'
import type { Result } from './result.ts'

/** Waits for a call, but not for ever. The call's own rejection passes through. */
export type Within = <T>(call: Promise<T>) => Promise<Result<T, 'late'>>

/** Calls `fire` once, after `ms`; the function that it gives takes that back. */
export type SetTimer = (ms: number, fire: () => void) => () => void

export interface Deadlines {
  readonly within: Within
  /** Takes the timer back where nothing is under way: for an owner whose work is done. */
  stop(): void
}

/**
 * Deadlines of many calls on one timer, which is set while a call is under way: a timer for each call would cost more than the call
 * (docs/design/engine.md). A call is given up after `ticks` to `ticks` + 1 times `tickMs`.
 */
export function createDeadlines(setTimer: SetTimer, { tickMs, ticks }: { readonly tickMs: number; readonly ticks: number }): Deadlines {
  const pending = new Map<() => void, number>()
  let clearTimer: (() => void) | null = null

  function tick(): void {
    clearTimer = null
    for (const [expire, passed] of pending) {
      if (passed >= ticks) expire()
      else pending.set(expire, passed + 1)
    }
    if (pending.size > 0) clearTimer = setTimer(tickMs, tick)
  }

  function within<T>(call: Promise<T>): Promise<Result<T, 'late'>> {
    return new Promise((resolve, reject) => {
      const expire = () => {
        pending.delete(expire)
        resolve(err('late'))
      }
      pending.set(expire, 0)
      clearTimer ??= setTimer(tickMs, tick)
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

  function stop(): void {
    if (pending.size > 0) return
    clearTimer?.()
    clearTimer = null
  }

  return { within, stop }
}
