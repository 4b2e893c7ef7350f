import fc from 'fast-check'
import { expect, it } from 'vitest'
import { activeWeights, FULL_SHAPE, specOf } from '../../bench/synthetic/shape.ts'
import { planBasePlacement } from '../placement/base-placement.ts'
import { expertBytesByLayer } from '../placement/expert-bytes.ts'
import { hostNames } from '../placement/host-names.ts'
import { RATES_MEASURED } from './rates.ts'
import type { ServingRates } from './rates.ts'
import { estimateStep } from './step-time.ts'
import type { StepModel } from './step-time.ts'

const spec = specOf(FULL_SHAPE)
/** Nothing costs anything but what a test names. */
const FREE: ServingRates = { readBytesPerS: Infinity, tokenWeightsPerS: Infinity, callMs: 0, layerMs: 0, tokenMs: 0, gatewayTokenMs: 0, rttMs: 0 }

function model(hosts: number, change: Partial<StepModel> = {}): StepModel {
  const budgets = hostNames(hosts).map((host) => ({ host, arenaBytes: Number.MAX_SAFE_INTEGER }))
  const placement = planBasePlacement(expertBytesByLayer(spec, 'q4'), budgets, 'packed', 1)
  if (!placement.ok) throw new Error(placement.error.message)
  return { spec, tier: 'q4', trunk: 'q4', placement: placement.value, rates: RATES_MEASURED, lanes: 1, stages: 1, oneThread: false, ...change }
}

const decode = (tokens: number) => ({ tokens, context: 0, logits: tokens })

it('[CO5] one token on one host reads every active weight once', () => {
  const { roundMs } = estimateStep(model(1, { rates: { ...FREE, readBytesPerS: 1e9 } }), decode(1))
  const routers = FULL_SHAPE.layers * FULL_SHAPE.hidden * FULL_SHAPE.experts
  // q4 has 18 bytes for 32 weights, routers are f32. Four pairs of one token are four experts, but as independent draws they meet a few less.
  const trunk = ((activeWeights(FULL_SHAPE) - routers - FULL_SHAPE.layers * 4 * 3 * 1024 * 512) * 18) / 32 + routers * 4
  const experts = FULL_SHAPE.layers * 32 * (1 - (31 / 32) ** 4) * ((3 * 1024 * 512 * 18) / 32)
  expect(roundMs).toBeCloseTo((trunk + experts) / 1e6, 6)
})

it('[CO5] calls and round trips count once a layer on one host, and the host that a layer does not need costs nothing', () => {
  expect(estimateStep(model(1, { rates: { ...FREE, rttMs: 3, callMs: 2, layerMs: 1 } }), decode(1)).roundMs).toBeCloseTo(16 * 6, 9)
  expect(estimateStep(model(16), decode(4)).callsPerStep).toBeCloseTo(16, 9)
})

it('[CO5] lanes hide round trips until a thread is full; on one thread they hide nothing', () => {
  const rates = { ...FREE, rttMs: 3, layerMs: 1 }
  const one = estimateStep(model(1, { rates }), decode(4))
  const four = estimateStep(model(1, { rates, lanes: 4 }), decode(4))
  expect([one.roundMs, one.limit, four.roundMs, four.limit]).toEqual([64, 'latency', 64, 'latency'])
  expect(estimateStep(model(1, { rates: { ...rates, layerMs: 2 }, lanes: 4 }), decode(4))).toMatchObject({ roundMs: 128, limit: 'engine' })
  expect(estimateStep(model(1, { rates: { ...FREE, layerMs: 2 }, lanes: 4, oneThread: true }), decode(4))).toMatchObject({ roundMs: 128, limit: 'thread' })
})

it('[CO5] more tokens at a time are never fewer a second, slower parts never faster', () => {
  const hosts = fc.integer({ min: 1, max: 8 })
  fc.assert(
    fc.property(hosts, fc.integer({ min: 1, max: 32 }), fc.constantFrom(...(Object.keys(RATES_MEASURED) as (keyof ServingRates)[])), (count, batch, slower) => {
      const built = model(count)
      const at = (tokens: number, rates = RATES_MEASURED) => estimateStep({ ...built, rates }, decode(tokens)).tokensPerS
      expect(at(batch * 2)).toBeGreaterThanOrEqual(at(batch) * 0.99) // the head is read anew for every four
      const factor = slower.endsWith('PerS') ? 0.5 : 2
      expect(at(batch, { ...RATES_MEASURED, [slower]: RATES_MEASURED[slower] * factor })).toBeLessThanOrEqual(at(batch))
    }),
    { numRuns: 50 },
  )
})

it('[CO5] every number of tokens on every number of lanes has a time', () => {
  for (const lanes of [1, 3, 4, 8]) {
    const built = model(3, { lanes })
    for (let tokens = 1; tokens <= 33; tokens++) {
      const { roundMs, laneMs, callsPerStep } = estimateStep(built, decode(tokens))
      for (const number of [roundMs, laneMs, callsPerStep]) expect(Number.isFinite(number) && number > 0, `${tokens} on ${lanes}`).toBe(true)
      expect(roundMs).toBeGreaterThanOrEqual(laneMs)
    }
  }
})

it('[CO5] the measured decode step of the synthetic model (docs/design/performance.md) is predicted within a quarter', () => {
  const local = { oneThread: true, rates: { ...RATES_MEASURED, rttMs: 0, gatewayTokenMs: 0, tokenMs: 0 } }
  const within = (predicted: number, measured: number) => expect(Math.abs(predicted / measured - 1)).toBeLessThan(0.25)
  within(estimateStep(model(1, local), decode(1)).roundMs, 8.063)
  within(estimateStep(model(6, local), decode(1)).roundMs, 9.469)
  within(estimateStep(model(6, local), decode(16)).tokensPerS, 261) // 242 to 281 on six hosts
})
