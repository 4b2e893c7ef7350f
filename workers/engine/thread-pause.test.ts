import { expect, it } from 'vitest'
import { createThreadPause } from './thread-pause.ts'

/** A clock and a timer that fires when the test says so. */
function rig() {
  const state = { nowMs: 1000, timersSet: 0, fire: () => undefined as void }
  const pause = createThreadPause({
    nowMs: () => state.nowMs,
    wait() {
      state.timersSet++
      const { promise, resolve } = Promise.withResolvers<void>()
      state.fire = resolve
      return promise
    },
  })
  return { state, pause }
}

it('[SC6] a timer that nothing made fire is waited for after 15 milliseconds', async () => {
  const { state, pause } = rig()
  const due: number[] = []
  for (; state.nowMs < 1040; state.nowMs++) {
    const wait = pause()
    if (!wait) continue
    due.push(state.nowMs)
    state.fire()
    await wait
  }
  expect(due).toEqual([1015, 1035]) // set at 1000 and, 5 after it fired, at 1020
})

it('[SC6] where timers fire by themselves nobody waits, and one is set every 5 milliseconds', async () => {
  const { state, pause } = rig()
  for (; state.nowMs < 1050; state.nowMs++) {
    expect(pause()).toBe(null)
    state.fire()
    await Promise.resolve()
    await Promise.resolve()
  }
  expect(state.timersSet).toBe(10)
})
