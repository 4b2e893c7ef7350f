import { expect, it } from 'vitest'
import { settled } from '../../test/fixtures/hand-wound-timer.ts'
import { createHedgeClock, HEDGE_MIN_MS, hedgeAfterMs } from './hedge-clock.ts'

function handWound() {
  const waiting: (() => void)[] = []
  const clock = { nowMs: 0 }
  const hedges = createHedgeClock({ nowMs: () => clock.nowMs, wait: () => new Promise<void>((resolve) => void waiting.push(resolve)) })
  return {
    clock,
    hedges,
    timers: () => waiting.length,
    async tick() {
      waiting.splice(0).forEach((fire) => fire())
      await settled()
    },
    /** `calls` calls of that round trip, one after the other. */
    see(calls: number, rttMs: number, pairs = 8) {
      for (let i = 0; i < calls; i++) hedges.answered(rttMs, pairs)
    },
  }
}

function watched(hedges: ReturnType<typeof createHedgeClock>, pairs = 8) {
  const call = { late: false, stop: () => undefined as void }
  const { late, stop } = hedges.watch(pairs)
  call.stop = stop
  void late.then(() => (call.late = true))
  return call
}

it('[FA8] a call is late at eight times what is typical, never before 100 ms, and later in proportion to its pairs', () => {
  expect(hedgeAfterMs({ calls: 32, rttMs: 1, pairs: 8 }, 8)).toBe(HEDGE_MIN_MS)
  expect(hedgeAfterMs({ calls: 32, rttMs: 50, pairs: 8 }, 8)).toBe(400)
  expect(hedgeAfterMs({ calls: 32, rttMs: 50, pairs: 8 }, 80)).toBe(4000)
  expect(hedgeAfterMs({ calls: 32, rttMs: 50, pairs: 8 }, 1)).toBe(400)
  expect(hedgeAfterMs({ calls: 31, rttMs: 1, pairs: 8 }, 8)).toBe(Infinity)
})

it('[FA8] a late call is told at the next tick, or when another is answered; one that was answered is not', async () => {
  const { clock, hedges, see, tick } = handWound()
  see(40, 1)
  const [first, answered, second] = [watched(hedges), watched(hedges), watched(hedges)]
  answered.stop()
  clock.nowMs = HEDGE_MIN_MS - 1
  await tick()
  expect(first.late).toBe(false)
  clock.nowMs = HEDGE_MIN_MS
  await tick()
  expect([first.late, answered.late, second.late]).toEqual([true, false, true])
  const third = watched(hedges)
  clock.nowMs += 2 * HEDGE_MIN_MS
  see(1, 1)
  await settled()
  expect(third.late).toBe(true)
})

it('[FA8] a call behind others is given their time, too', async () => {
  const { clock, hedges, see, tick } = handWound()
  see(100, 20)
  const [alone, behind] = [watched(hedges, 8), watched(hedges, 8 + 128)]
  clock.nowMs = 200
  await tick()
  expect([alone.late, behind.late]).toEqual([true, false])
})

it('[FA8] one timer for all calls, and none when no call is out', async () => {
  const { hedges, see, tick, timers } = handWound()
  see(40, 1)
  expect(timers()).toBe(0)
  const calls = [watched(hedges), watched(hedges)]
  expect(timers()).toBe(1)
  await tick()
  expect(timers()).toBe(1)
  for (const { stop } of calls) stop()
  await tick()
  expect(timers()).toBe(0)
})

it('[FA8] one sick host does not move what is typical, a network that became slow does', async () => {
  const { clock, hedges, see, tick } = handWound()
  see(100, 30)
  see(1, 100_000)
  const call = watched(hedges)
  clock.nowMs = 300
  await tick()
  expect(call.late).toBe(true)
  see(100, 300)
  const next = watched(hedges)
  clock.nowMs += 1500
  await tick()
  expect(next.late).toBe(false)
})
