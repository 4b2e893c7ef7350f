import fc from 'fast-check'
import { expect, it } from 'vitest'
import { marginalBill, monthlyBill, scaleUsage } from './bill.ts'
import type { Usage } from './bill.ts'
import { objectSecondUsd, PRICES } from './prices.ts'

const NOTHING: Usage = { workerRequests: 0, workerCpuMs: 0, objectRequests: 0, objectSeconds: 0, storageReads: 0, storageWrites: 0, storageGbMonths: 0 }

it('[CO2] a live object costs 0.00576 USD an hour, about 4.15 a month', () => {
  expect(objectSecondUsd(PRICES) * 3600).toBeCloseTo(0.00576, 10)
  expect(objectSecondUsd(PRICES) * 3600 * 24 * 30).toBeCloseTo(4.1472, 10)
})

it('[CO2] each line is its amount times its rate', () => {
  const usage = { workerRequests: 2e6, workerCpuMs: 3e6, objectRequests: 4e6, objectSeconds: 5e6, storageReads: 6e6, storageWrites: 7e6, storageGbMonths: 8 }
  const bill = marginalBill(usage, PRICES)
  expect(bill.workerRequests).toBeCloseTo(0.6, 10)
  expect(bill.workerCpu).toBeCloseTo(0.06, 10)
  expect(bill.objectRequests).toBeCloseTo(0.6, 10)
  expect(bill.duration).toBeCloseTo(8, 10)
  expect(bill.storageOperations).toBeCloseTo(6 * 0.36 + 7 * 4.5, 10)
  expect(bill.storage).toBeCloseTo(0.12, 10)
  expect(bill.total).toBeCloseTo(0.6 + 0.06 + 0.6 + 8 + 2.16 + 31.5 + 0.12, 10)
})

it('[CO2] an idle month is the minimum, and what is included is not billed', () => {
  expect(monthlyBill(NOTHING, PRICES)).toMatchObject({ minimum: 5, total: 5 })
  const included = {
    workerRequests: 10e6,
    workerCpuMs: 30e6,
    objectRequests: 1e6,
    objectSeconds: 400_000 / 0.128,
    storageReads: 10e6,
    storageWrites: 1e6,
    storageGbMonths: 10,
  }
  expect(monthlyBill(included, PRICES).total).toBe(5)
  expect(monthlyBill({ ...included, storageGbMonths: 30 }, PRICES).total).toBeCloseTo(5.3, 10)
})

it('[CO2] a month never costs more than at the margin and the minimum, nor less than the minimum', () => {
  const amount = fc.double({ min: 0, max: 1e9, noNaN: true })
  const usage = fc.record(Object.fromEntries(Object.keys(NOTHING).map((key) => [key, amount]))) as fc.Arbitrary<Usage>
  fc.assert(
    fc.property(usage, (used) => {
      const month = monthlyBill(used, PRICES).total
      expect(month).toBeGreaterThanOrEqual(5)
      expect(month).toBeLessThanOrEqual((5 + marginalBill(used, PRICES).total) * (1 + 1e-12))
      expect(marginalBill(scaleUsage(used, 2), PRICES).duration).toBeCloseTo(2 * marginalBill(used, PRICES).duration, 6)
    }),
  )
})
