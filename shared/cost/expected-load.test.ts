import { expect, it } from 'vitest'
import { FULL_SHAPE, specOf } from '../../bench/synthetic/shape.ts'
import { trunkBytes } from '../placement/budget.ts'
import { planDeployment } from './deployment.ts'
import { estimateIdle, estimateLoad, MONTH_S } from './expected-load.ts'
import { objectSecondUsd, PRICES } from './prices.ts'
import { RATES_MEASURED } from './rates.ts'
import { batchRow, liveObjects } from './serving-plan.ts'
import type { ServingInput } from './serving-plan.ts'
import { storageUse } from './storage-use.ts'

const spec = specOf(FULL_SHAPE)
const planned = planDeployment({
  spec,
  tier: 'q4',
  trunk: 'q4',
  lanes: 4,
  context: 640,
  hosts: null,
  standby: 2,
  tokenizerBytes: null,
  hypotheticalTokens: null,
})
if (!planned.ok) throw new Error(planned.error.message)
const deployment = planned.value
const input: ServingInput = {
  spec,
  tier: 'q4',
  deployment,
  lanes: 4,
  rates: RATES_MEASURED,
  prices: PRICES,
  request: { promptTokens: 512, outputTokens: 128 },
  oneThread: false,
}
const storage = storageUse(spec, 'q4', deployment, null)

it('[CO5] a million tokens cost the seconds that they take, of every live object; sessions are one request in 2,000 calls', () => {
  const row = batchRow(input, 8)
  const seconds = 1e6 / row.outputTokensPerS
  expect(row.perMillionOutput.duration).toBeCloseTo(seconds * liveObjects(deployment) * objectSecondUsd(PRICES), 9)
  const requests = (1e6 / 128) * 3 + seconds + (1e6 * row.callsPerToken) / 2000
  expect(row.perMillionOutput.objectRequests).toBeCloseTo((requests / 1e6) * 0.15, 9)
  // what is said of prompts and of decoded tokens adds up to the duration
  expect(row.usdPerMillionPrompt * (512 / 128) + row.usdPerMillionDecoded).toBeCloseTo(row.perMillionOutput.duration, 9)
})

it('[CO5] a batch that KV does not hold runs as far as it fits', () => {
  expect(batchRow({ ...input, deployment: { ...deployment, kvTokens: 3 * 640 + 5 } }, 8)).toMatchObject({ batch: 8, running: 3 })
})

it('[CO6] nobody comes: nothing is live, and the month is the minimum and what is stored', () => {
  expect(estimateIdle(input, storage)).toMatchObject({ liveObjects: 0, month: { total: 5, duration: 0 } })
  const large = { ...storage, storedBytes: 30e9 }
  expect(estimateIdle(input, large).month.total).toBeCloseTo(5 + 20 * 0.015, 9)
})

it('[CO6] one request an hour: objects are live for it and their linger, and it begins cold', () => {
  const load = estimateLoad(input, 1 / 3600, 100, storage)
  if (!load.ok) throw new Error(load.error.message)
  const { requestS, liveShare, coldStarts } = load.value
  expect(liveShare).toBeCloseTo((requestS + 100) / 3600, 2)
  expect(coldStarts / (MONTH_S / 3600)).toBeGreaterThan(0.95)
  expect(load.value.batch).toBe(1)
})

it('[CO6] a load near what an engine can takes a batch that keeps up, live all the time', () => {
  const most = batchRow(input, 32)
  const load = estimateLoad(input, most.requestsPerS * 0.95, 100, storage)
  if (!load.ok) throw new Error(load.error.message)
  expect(load.value.batch).toBeGreaterThan(1)
  expect(load.value.batch).toBeLessThanOrEqual(32)
  expect(load.value.liveShare).toBeCloseTo(1, 9)
  const duration = (liveObjects(deployment) * MONTH_S - 400_000 / 0.128) * objectSecondUsd(PRICES)
  expect(load.value.month.duration).toBeCloseTo(duration, 6)
})

it('[CO6] a load that one engine cannot carry is refused with the most that it can', () => {
  const load = estimateLoad(input, 1e4, 100, storage)
  if (load.ok) throw new Error('it was planned')
  expect(load.error).toMatchObject({ code: 'over-budget', details: { part: 'load' } })
  const perDay = Number(/--tokens-per-day (\d+) would make it possible/.exec(load.error.message)![1])
  expect(estimateLoad(input, perDay / 128 / 86400, 100, storage).ok).toBe(true)
  expect(estimateLoad(input, (perDay * 1.01) / 128 / 86400, 100, storage).ok).toBe(false)
})

it('[CO6] a cold start reads every expert, the trunk and a manifest for each isolate', () => {
  const experts = 16 * 32
  expect(storage.coldStart.reads).toBe(deployment.hosts + 3 + Math.ceil(trunkBytes(spec, 'q4') / (16 * 1024 * 1024)) + experts)
  expect(storage.scaleEvent).toEqual({ experts: 16, reads: 16, bytes: 16 * deployment.expertBytes })
})
