import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schedule } from './arrivals.ts'
import type { TraceEntry } from './arrivals.ts'
import { parseTrace } from './trace.ts'

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })

describe('schedule', () => {
  it('[LT1] is the same for the same seed, ascends, and lies within warm-up and measured time', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 0.1, max: 50, noNaN: true }), fc.nat(5000), (seed, perS, warmupMs) => {
        const list = schedule({ kind: 'poisson', perS }, warmupMs, 10_000, seed)
        expect(schedule({ kind: 'poisson', perS }, warmupMs, 10_000, seed)).toEqual(list)
        for (const [i, { atMs }] of list.entries()) expect(atMs >= -warmupMs && atMs < 10_000 && atMs > (list[i - 1]?.atMs ?? -Infinity)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('[LT1] a Poisson schedule has exponential gaps: mean and deviation are 1/R', () => {
    const times = schedule({ kind: 'poisson', perS: 10 }, 0, 2_000_000, 7).map(({ atMs }) => atMs)
    const gaps = times.slice(1).map((ms, i) => ms - times[i]!)
    const mean = gaps.reduce((a, b) => a + b) / gaps.length
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
    expect(mean).toBeGreaterThan(97)
    expect(mean).toBeLessThan(103)
    expect(deviation / mean).toBeGreaterThan(0.96)
    expect(deviation / mean).toBeLessThan(1.04)
    expect(schedule({ kind: 'poisson', perS: 10 }, 0, 2_000_000, 8).map(({ atMs }) => atMs)).not.toEqual(times)
  })

  it('[LT1] a constant rate is evenly spaced from the beginning of the warm-up', () => {
    const list = schedule({ kind: 'constant', perS: 4 }, 500, 1000, 1)
    expect(list.map(({ atMs }) => atMs)).toEqual([-500, -250, 0, 250, 500, 750])
  })

  it('[LT1] a trace keeps its times and lengths, scaled and from a given second', () => {
    const entries: TraceEntry[] = [0, 1000, 2500, 4000, 9000].map((atMs, i) => ({ atMs, promptTokens: 10 + i, outputTokens: 20 + i }))
    const list = schedule({ kind: 'trace', entries, rateScale: 2, fromS: 1 }, 250, 1500, 1)
    expect(list).toEqual([
      { atMs: -250, promptTokens: 11, outputTokens: 21 },
      { atMs: 500, promptTokens: 12, outputTokens: 22 },
      { atMs: 1250, promptTokens: 13, outputTokens: 23 },
    ])
  })

  it('[LT1] refuses a schedule that is too long before it is made', () => {
    expect(() => schedule({ kind: 'constant', perS: 10_000 }, 0, 3_600_000, 1)).toThrow(/more than 250000 requests/)
  })
})

describe('parseTrace', () => {
  const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens'

  it('[LT1] reads the Azure form, fractions of milliseconds included', () => {
    const text = `${HEADER}\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109\r\n`
    expect(parseTrace(text, 'x')).toEqual([
      { atMs: 0, promptTokens: 374, outputTokens: 44 },
      { atMs: expect.closeTo(4314.579, 3) as number, promptTokens: 396, outputTokens: 109 },
    ])
  })

  it.each([
    ['', /first line must be/],
    [HEADER, /has no rows/],
    [`${HEADER}\nyesterday,1,2`, /line 2: expected a time and two counts/],
    [`${HEADER}\n2023-11-16 18:15:46,1e9,2`, /line 2: expected/],
    [`${HEADER}\n2023-11-16 18:15:46,1,2,3`, /line 2: expected/],
    [`${HEADER}\n2023-99-16 18:15:46,1,2`, /line 2: expected/],
    [`${HEADER}\n2023-11-16 18:15:46,1,2\n2023-11-16 18:15:45,1,2`, /line 3: times must ascend/],
  ])('[LT1] refuses %j by line', (text, message) => {
    expect(() => parseTrace(text, 'x')).toThrow(message)
  })
})
