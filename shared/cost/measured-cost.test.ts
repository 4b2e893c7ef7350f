import { expect, it } from 'vitest'
import { countedBetween, measuredCost } from './measured-cost.ts'
import type { ServiceCounters } from './measured-cost.ts'
import { objectSecondUsd, PRICES } from './prices.ts'

const NOTHING: ServiceCounters = { requests: 0, promptTokens: 0, generatedTokens: 0, steps: 0, stepSeconds: 0, hostCalls: 0, expertLoads: 0, storageBytes: 0 }
const COUNTED: ServiceCounters = {
  requests: 10,
  promptTokens: 5120,
  generatedTokens: 2000,
  steps: 500,
  stepSeconds: 25,
  hostCalls: 6000,
  expertLoads: 96,
  storageBytes: 96 * 208_896,
}

it('[CO10] a span in which something ran is paid whole, for hosts, engine, autoscaler and limiter', () => {
  const cost = measuredCost({ counted: COUNTED, spanS: 60, warmHosts: 4, prices: PRICES })
  expect(cost).toMatchObject({ liveObjects: 7, liveS: 60, meanStepMs: 50, tokensPerStep: 4 })
  expect(cost.bill.duration).toBeCloseTo(7 * 60 * objectSecondUsd(PRICES), 12)
  expect(cost.perMillionOutput!.duration).toBeCloseTo(7 * 60 * 500 * objectSecondUsd(PRICES), 9)
  expect(cost.bill.objectRequests).toBeCloseTo(((10 * 3 + 60 + 3) / 1e6) * 0.15, 12)
  expect(cost.bill.storageOperations).toBeCloseTo((96 / 1e6) * 0.36, 12)
  const beyond = 7 * 30 * 24 * 3600 - 400_000 / 0.128
  expect(cost.month!.duration).toBeCloseTo(beyond * objectSecondUsd(PRICES), 6)
})

it('[CO10] a span without a step costs nothing, and a month of such is the minimum', () => {
  const cost = measuredCost({ counted: NOTHING, spanS: 60, warmHosts: 4, prices: PRICES })
  expect(cost).toMatchObject({ liveS: 0, perMillionOutput: null, meanStepMs: null, bill: { total: 0 }, month: { total: 5 } })
})

it('[CO10] since the start there is no month, and the time of steps is the least that objects were live', () => {
  expect(measuredCost({ counted: COUNTED, spanS: null, warmHosts: 4, prices: PRICES })).toMatchObject({ liveS: 25, month: null })
})

it('[CO10] readings are subtracted; one that fell is another service', () => {
  expect(countedBetween(NOTHING, COUNTED)).toEqual(COUNTED)
  expect(countedBetween(COUNTED, COUNTED)).toEqual(NOTHING)
  expect(countedBetween(COUNTED, { ...COUNTED, steps: 499 })).toBeNull()
})
