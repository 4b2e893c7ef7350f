import { expect, it } from 'vitest'
import { handWoundTimer } from '../../test/fixtures/hand-wound-timer.ts'
import { createDeadlines } from './deadlines.ts'

const TWO_TICKS = { tickMs: 10, ticks: 2 }

it('[RE7] gives a call up after its ticks, and not before', async () => {
  const timer = handWoundTimer()
  const { within } = createDeadlines(timer.set, TWO_TICKS)
  let result: unknown = 'waiting'
  void within(new Promise(() => undefined)).then((r) => (result = r))
  for (const expected of ['waiting', 'waiting', { ok: false, error: 'late' }]) {
    await timer.pass()
    expect(result).toEqual(expected)
  }
})

it('[RE7] stop takes the timer back where nothing is under way, and only there', async () => {
  const timer = handWoundTimer()
  const { within, stop } = createDeadlines(timer.set, TWO_TICKS)
  const call = Promise.withResolvers<number>()
  const answer = within(call.promise)
  stop()
  expect(timer.pending()).toBe(1)
  call.resolve(7)
  expect(await answer).toEqual({ ok: true, value: 7 })
  expect(timer.pending()).toBe(1)
  stop()
  expect(timer.pending()).toBe(0)
  expect(await within(Promise.resolve(8))).toEqual({ ok: true, value: 8 })
  expect(timer.pending()).toBe(1) // it works again afterwards
})
