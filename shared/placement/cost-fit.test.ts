import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addTraffic, fitCost, measuredCallPairs, NO_COST_SUMS } from './cost-fit.ts'

const host = (calls: number, pairsOfCall: number, rttMs: number) => ({ calls, pairs: calls * pairsOfCall, rttSumMs: calls * rttMs })

it('[EL1] finds round trip and rate of hosts that follow the model, whatever their loads', () => {
  const arbLoads = fc.uniqueArray(fc.integer({ min: 1, max: 64 }), { minLength: 3, maxLength: 6 })
  fc.assert(
    fc.property(arbLoads, fc.double({ min: 0.01, max: 20, noNaN: true }), fc.double({ min: 0.1, max: 100, noNaN: true }), (loads, rttMs, pairsPerMs) => {
      fc.pre(Math.max(...loads) > 2 * Math.min(...loads))
      const sums = addTraffic(
        NO_COST_SUMS,
        loads.map((pairs) => host(10, pairs, rttMs + pairs / pairsPerMs)),
      )
      const fitted = fitCost(sums)!
      expect(fitted.rttMs).toBeCloseTo(rttMs, 4)
      expect(fitted.pairsPerMs / pairsPerMs).toBeCloseTo(1, 3)
    }),
  )
})

it('[EL1] takes all but a call in one process for work where every call carries the same', () => {
  const fitted = fitCost(addTraffic(NO_COST_SUMS, [host(100, 8, 2.035), host(50, 8, 2.035)]))!
  expect(fitted.rttMs).toBe(0.035)
  expect(fitted.pairsPerMs).toBeCloseTo(4, 6)
})

it('[EL1] a stalled host does not make all hosts slow; one that stays slow is believed', () => {
  const usual = [4, 8, 16].map((pairs) => host(50, pairs, 1 + pairs / 10))
  const settled = Array.from({ length: 10 }, () => usual).reduce(addTraffic, NO_COST_SUMS)
  const meanMs = (sums: typeof settled): number => fitCost(sums)!.rttMs + 8 / fitCost(sums)!.pairsPerMs
  expect(meanMs(settled)).toBeCloseTo(1.8, 6)
  const stalled = addTraffic(settled, [host(50, 4, 1.4), host(50, 8, 2000), host(50, 16, 2.6)])
  expect(meanMs(stalled)).toBeLessThan(2.2)
  const slow = [4, 8, 16].map((pairs) => host(50, pairs, 20 + pairs))
  expect(meanMs(Array.from({ length: 120 }, () => slow).reduce(addTraffic, settled))).toBeCloseTo(28, 0)
})

it('[EL1] never gives a rate that is not positive and finite', () => {
  const arbHost = fc.record({ calls: fc.nat(50), pairs: fc.nat(500), rttSumMs: fc.double({ min: 0, max: 500, noNaN: true }) })
  fc.assert(
    fc.property(fc.array(fc.array(arbHost, { maxLength: 4 }), { maxLength: 5 }), (windows) => {
      const fitted = fitCost(windows.reduce(addTraffic, NO_COST_SUMS))
      if (fitted === null) return
      expect(fitted.pairsPerMs > 0 && Number.isFinite(fitted.pairsPerMs)).toBe(true)
      expect(fitted.rttMs >= 0 && Number.isFinite(fitted.rttMs)).toBe(true)
    }),
  )
})

it('[EL1] knows nothing before a call was seen', () => {
  expect(fitCost(addTraffic(NO_COST_SUMS, [host(0, 0, 0)]))).toBeNull()
})

it('[EL1] a little less variation of the load moves the fit a little', () => {
  const callMs = (spread: number) =>
    fitCost(addTraffic(NO_COST_SUMS, [host(100, 10 - spread, 4 + (10 - spread) / 10), host(100, 10 + spread, 4 + (10 + spread) / 10)]))!
  for (let spread = 0.5; spread < 3; spread += 0.02) {
    const [before, after] = [callMs(spread), callMs(spread + 0.02)]
    expect(Math.abs(after.rttMs - before.rttMs)).toBeLessThan(0.15)
    expect(after.rttMs).toBeGreaterThanOrEqual(before.rttMs - 1e-9)
  }
  expect(callMs(0.9).rttMs).toBeCloseTo(0.035, 6)
  expect(callMs(2.1).rttMs).toBeCloseTo(4, 6)
})

it('[EL1] where round trips do not grow with the pairs, work is next to nothing, and a line that begins to fall is no other model', () => {
  const fit = (slope: number) =>
    fitCost(
      addTraffic(
        NO_COST_SUMS,
        [4, 10, 16].map((pairs) => host(100, pairs, 5 + slope * (pairs - 10))),
      ),
    )!
  for (const slope of [0.002, 0, -0.002, -0.1]) {
    expect(fit(slope).rttMs).toBeGreaterThan(4.85)
    expect(fit(slope).pairsPerMs).toBeGreaterThan(80)
  }
})

it('[EL2] engines are told what a call costs in pairs once enough calls were seen', () => {
  const window = [2, 8].map((pairs) => host(100, pairs, 1 + pairs / 100))
  expect(measuredCallPairs(addTraffic(NO_COST_SUMS, window))).toBeNull()
  expect(measuredCallPairs([window, window, window].reduce(addTraffic, NO_COST_SUMS))).toBe(4) // 0.035 ms of 100 pairs/ms
})
