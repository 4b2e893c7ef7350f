import { expect, it } from 'vitest'
import { createCallDeadlines } from './call-deadlines.ts'

/** A wait that the test lets pass. */
function handWoundClock() {
  const waiting: (() => void)[] = []
  return {
    wait: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    timers: () => waiting.length,
    async pass() {
      waiting.shift()?.()
      for (let i = 0; i < 10; i++) await Promise.resolve()
    },
  }
}

it('[WI5] gives a call up after its ticks, and not before', async () => {
  const clock = handWoundClock()
  const within = createCallDeadlines(clock.wait)
  let result: unknown = 'waiting'
  void within(new Promise(() => undefined)).then((r) => (result = r))
  for (let i = 0; i < 10; i++) await clock.pass()
  expect(result).toBe('waiting')
  await clock.pass()
  expect(result).toEqual({ ok: false, error: 'late' })
})

it('[WI5] one timer serves all calls, and none runs when no call does', async () => {
  const clock = handWoundClock()
  const within = createCallDeadlines(clock.wait)
  for (let i = 0; i < 20; i++) expect(await within(Promise.resolve(i))).toEqual({ ok: true, value: i })
  expect(clock.timers()).toBe(1)
  await clock.pass()
  expect(clock.timers()).toBe(0)
  void within(new Promise(() => undefined))
  expect(clock.timers()).toBe(1)
})

it('[WI5] a call that rejects does so as it would alone', async () => {
  const clock = handWoundClock()
  await expect(createCallDeadlines(clock.wait)(Promise.reject(new Error('lost')))).rejects.toThrow('lost')
})
