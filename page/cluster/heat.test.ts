import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HEAT_FROM, layerHeat } from './heat.ts'

it('[LP4] an even load is level 1 × for all, whatever its size', () => {
  for (const load of [1, 1000]) expect(layerHeat([load, load, load]).map(({ ratio, level }) => [ratio, HEAT_FROM[level]])).toEqual(Array(3).fill([1, 1]))
})

it('[LP4] an idle layer is cold: the tail of a smoothed load is no heat', () => {
  expect(layerHeat([0.1, 0.2, 0])).toEqual([0.1, 0.2, 0].map((pairsPerS) => ({ pairsPerS, ratio: 0, level: 0 })))
  expect(layerHeat([])).toEqual([])
})

it('[LP4] levels rise with load and say its multiple of the mean', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 64 }), (load) => {
      const heat = layerHeat(load)
      for (const { level, ratio } of heat) {
        expect(ratio).toBeGreaterThanOrEqual(HEAT_FROM[level]!)
        if (level < HEAT_FROM.length - 1) expect(ratio).toBeLessThan(HEAT_FROM[level + 1]!)
      }
      const sorted = heat.toSorted((a, b) => a.pairsPerS - b.pairsPerS)
      for (const [i, { level }] of sorted.entries()) if (i > 0) expect(level).toBeGreaterThanOrEqual(sorted[i - 1]!.level)
    }),
  )
})
