import fc from 'fast-check'
import { expect, it } from 'vitest'
import { histogram, inTurns, percentile, timeCalls } from './call-times.ts'

it('[CO9] calls are timed one by one, after a tenth that is not counted', async () => {
  let nowMs = 0
  let made = 0
  const times = await timeCalls(
    10,
    async () => void (nowMs += made++ === 0 ? 1000 : made),
    () => nowMs,
  )
  expect(made).toBe(11)
  expect(times).toEqual({ calls: 10, meanMs: 6.5, p50Ms: 6, p90Ms: 10 })
})

it('[CO9] a percentile is one of the values, and so many do not exceed it', () => {
  expect([percentile([], 0.5), percentile([7], 0.9)]).toEqual([0, 7])
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), fc.double({ min: 0.01, max: 1, noNaN: true }), (values, share) => {
      const found = percentile(values, share)
      expect(values).toContain(found)
      expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(share * values.length - 1e-9)
    }),
  )
})

it('[CO9] objects by isolate, the fullest first', () => {
  expect(histogram(['a', 'b', 'a', 'c', 'b', 'a'])).toEqual([3, 2, 1])
})

it('[CO9] every job once, never more under way than said', async () => {
  const done: number[] = []
  let running = 0
  let most = 0
  await inTurns(9, 4, async (index) => {
    most = Math.max(most, ++running)
    await Promise.resolve()
    running--
    done.push(index)
  })
  expect([done.toSorted((a, b) => a - b), most]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8], 4])
})
