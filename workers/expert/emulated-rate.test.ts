import { expect, it } from 'vitest'
import { createEmulatedRate } from './emulated-rate.ts'

/** A clock that the test moves, and one timer that fires when its time has come and the test lets it. */
function createClock() {
  let nowMs = 1000
  const timers: { atMs: number; fire: () => void }[] = []
  return {
    nowMs: () => nowMs,
    wait: (ms: number) => new Promise<void>((fire) => timers.push({ atMs: nowMs + ms, fire })),
    timers,
    advance: (ms: number) => void (nowMs += ms),
    async fireDue() {
      for (const timer of timers.splice(0)) {
        if (timer.atMs <= nowMs) timer.fire()
        else timers.push(timer)
      }
      for (let i = 0; i < 10; i++) await Promise.resolve()
    },
  }
}

/** 1,000 weights a second: a weight takes a millisecond. */
function createRig(weightsPerS = 1000) {
  const clock = createClock()
  const rate = createEmulatedRate({ weightsPerS, nowMs: clock.nowMs, wait: clock.wait })
  const log: string[] = []
  const send = (name: string, weights: number) => void rate.done(weights, clock.nowMs())?.then(() => log.push(name))
  return { clock, rate, log, send }
}

it('[RE13] frames take one after the other what their work takes at the rate, on one timer', async () => {
  const { clock, log, send } = createRig()
  send('a', 5)
  send('b', 3)
  expect(clock.timers).toHaveLength(1)
  clock.advance(4)
  await clock.fireDue()
  expect(log).toEqual([])
  clock.advance(1)
  await clock.fireDue()
  expect(log).toEqual(['a'])
  expect(clock.timers).toHaveLength(1)
  clock.advance(3)
  await clock.fireDue()
  expect(log).toEqual(['a', 'b'])
  expect(clock.timers).toHaveLength(0)
})

it('[RE13] a machine that was idle begins when the frame comes', async () => {
  const { clock, log, send } = createRig()
  clock.advance(100)
  send('a', 2)
  clock.advance(1)
  await clock.fireDue()
  expect(log).toEqual([])
  clock.advance(1)
  await clock.fireDue()
  expect(log).toEqual(['a'])
})

it('[RE13] a timer that comes late delays its own reply only', async () => {
  const { clock, log, send } = createRig()
  send('a', 5)
  clock.advance(9)
  await clock.fireDue()
  send('b', 2) // the machine was free again at 5, and it is 9
  clock.advance(2)
  await clock.fireDue()
  expect(log).toEqual(['a', 'b'])
  send('c', 4)
  send('d', 4)
  clock.advance(6)
  await clock.fireDue()
  clock.advance(2) // at 8, not at 6 + 4
  await clock.fireDue()
  expect(log).toEqual(['a', 'b', 'c', 'd'])
})

it('[RE13] whoever looks at the clock lets replies go before the timer does', async () => {
  const { clock, rate, log, send } = createRig()
  send('a', 5)
  send('b', 5)
  clock.advance(7)
  rate.look()
  await Promise.resolve()
  expect(log).toEqual(['a'])
})

it('[RE13] nothing is added to what the host really took: a machine that would be done by now lets the reply go at once', () => {
  const { clock, rate } = createRig()
  const fromMs = clock.nowMs()
  clock.advance(10)
  expect(rate.done(5, fromMs)).toBeNull()
  expect(rate.done(6, fromMs)).not.toBeNull() // 11 after the first came
})

it('[RE13] no rate, no wait', () => {
  const { clock, rate } = createRig(0)
  expect(rate.done(1e12, clock.nowMs())).toBeNull()
  expect(clock.timers).toHaveLength(0)
})
