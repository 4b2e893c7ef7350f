import fc from 'fast-check'
import { expect, test } from 'vitest'
import { benchReport, markdownTable, RATIO, ratios, summarize } from './figures.ts'

test('a median is one of the samples or the mean of the middle two, and lies between min and max', () => {
  expect(summarize([3, 1, 2])).toEqual({ min: 1, median: 2, max: 3 })
  expect(summarize([4, 1, 2, 3])).toEqual({ min: 1, median: 2.5, max: 4 })
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (samples) => {
      const { min, median, max } = summarize(samples)
      expect(min).toBeLessThanOrEqual(median)
      expect(median).toBeLessThanOrEqual(max)
    }),
  )
})

test('a ratio pairs rounds', () => {
  expect(ratios([2, 9], [1, 3])).toEqual([2, 3])
  expect(() => ratios([1], [1, 2])).toThrow('rounds differ')
})

test('a figure that could not be measured stays in table and JSON with its reason', () => {
  const result = {
    outcomes: [
      { id: 'a', unit: RATIO, samples: [1, 3] },
      { id: 'b', missing: 'no Chromium' },
    ],
    peers: { llama: '1.2' },
  }
  const report = benchReport(result, { quick: true })
  expect(report.figures).toEqual([
    { id: 'a', unit: RATIO, min: 1, median: 2, max: 3, rounds: 2 },
    { id: 'b', missing: 'no Chromium' },
  ])
  expect(report.meta).toMatchObject({ peers: { llama: '1.2' }, quick: true, node: process.version })
  const table = markdownTable(report)
  expect(table).toContain('| a | × | 1 | **2** | 3 | 2 |  |')
  expect(table).toContain('not measured: no Chromium')
  expect(table).toContain('llama 1.2')
  expect(table).toContain('not a measurement')
})
