import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Demand } from './demand.ts'
import { pauseWindows, smoothLoad } from './demand.ts'

const POLICY = { smoothingWindows: 3, stayMs: 60_000, windowMs: 2000 } // weight 1/2

function after(...windows: { load: number[][]; steps: number }[]): Demand {
  return windows.reduce<Demand | null>((demand, window) => smoothLoad(demand, window, POLICY), null)!
}

it('[PL10] a mean step: windows weigh by their steps, newer ones more', () => {
  const demand = after({ load: [[100, 0]], steps: 10 }, { load: [[0, 60]], steps: 30 })
  expect(demand.steps).toBe(20) // 10/2 + 30/2
  expect(demand.load).toEqual([[2.5, 1.5]]) // a quarter of 10 pairs a step; three quarters of 2
})

it('[PL10] the deviation of a steady load is nothing, of a swinging one its swing', () => {
  const even = { load: [[40]], steps: 10 }
  expect(after(...Array.from({ length: 60 }, () => even)).deviation[0]![0]).toBeLessThan(1e-3)
  const swings = after(...Array.from({ length: 60 }, (_, i) => ({ load: [[i % 2 === 0 ? 20 : 60]], steps: 10 })))
  expect(swings.deviation[0]![0]).toBeGreaterThan(1.5)
  expect(swings.deviation[0]![0]).toBeLessThan(2.5)
})

it('[PL10] a pause shorter than the span changes nothing, a longer one is no load', () => {
  const busy = { load: [[40, 8], []], steps: 10 }
  const pause = { load: [[0, 0], []], steps: 0 }
  expect(after(busy, pause, pause).load).toEqual([[4, 0.8], []])
  expect(after(busy, pause, pause, pause).load).toEqual([[0, 0], []])
  expect(after(busy, pause, pause, pause, busy)).toEqual(after(busy))
  expect(after(pause).load).toEqual([[0, 0], []])
})

it('[PL10] the first windows count alike: the first one of all does not stay for a span', () => {
  const slow = { smoothingWindows: 9, stayMs: 60_000, windowMs: 2000 }
  const demand = [40, 10, 10, 20].reduce<Demand | null>((before, pairs) => smoothLoad(before, { load: [[pairs]], steps: 10 }, slow), null)!
  expect(demand.load[0]![0]).toBeCloseTo(2, 12)
  expect(demand.windows).toBe(4)
})

it('[PL10] [EL13] traffic is gone after half a stay, however long the span is', () => {
  expect(pauseWindows({ smoothingWindows: 12, stayMs: 30_000, windowMs: 2000 })).toBe(7)
  expect(pauseWindows({ smoothingWindows: 4, stayMs: 30_000, windowMs: 2000 })).toBe(4)
  expect(pauseWindows({ smoothingWindows: 12, stayMs: 0, windowMs: 2000 })).toBe(1)
})

it('[PL10] the smoothed load lies between the least and the greatest of its windows', () => {
  const arbWindow = fc.record({ pairs: fc.integer({ min: 0, max: 1e6 }), steps: fc.integer({ min: 1, max: 1000 }) })
  fc.assert(
    fc.property(fc.array(arbWindow, { minLength: 1, maxLength: 30 }), (windows) => {
      const demand = after(...windows.map(({ pairs, steps }) => ({ load: [[pairs]], steps })))
      const means = windows.map(({ pairs, steps }) => pairs / steps)
      expect(demand.load[0]![0]).toBeGreaterThanOrEqual(Math.min(...means) * (1 - 1e-9))
      expect(demand.load[0]![0]).toBeLessThanOrEqual(Math.max(...means) * (1 + 1e-9))
      expect(demand.deviation[0]![0]).toBeGreaterThanOrEqual(0)
    }),
  )
})
