import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Demand } from './demand.ts'
import { smoothLoad } from './demand.ts'

const POLICY = { smoothingWindows: 3 } // weight 1/2

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
