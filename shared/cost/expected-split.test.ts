import fc from 'fast-check'
import { expect, it } from 'vitest'
import { distinctExperts, splitLayer } from './expected-split.ts'

/** Counted over every way a token can choose, for tokens that choose alone. */
function exact(expertsOfHost: readonly number[], topK: number) {
  const host = expertsOfHost.flatMap((count, index) => Array.from({ length: count }, () => index))
  let choices = 0
  let calls = 0
  for (let mask = 0; mask < 1 << host.length; mask++) {
    const chosen = host.filter((_, expert) => mask & (1 << expert))
    if (chosen.length !== topK) continue
    choices++
    calls += new Set(chosen).size
  }
  return calls / choices
}

it.each([
  [[4, 4], 2],
  [[6, 2], 3],
  [[3, 3, 2], 2],
])('[CO5] hosts %j, top %i: calls of one token are those of all its choices', (experts, topK) => {
  expect(splitLayer(experts, 1, topK).calls).toBeCloseTo(exact(experts, topK), 12)
})

it('[CO5] two pairs: the busiest of two hosts has 3/2 of them on average, of three 4/3', () => {
  expect(splitLayer([8, 8], 1, 2).busiestPairs).toBeCloseTo(3 / 2, 12)
  expect(splitLayer([4, 4, 4], 1, 2).busiestPairs).toBeCloseTo(4 / 3, 12)
})

it('[CO5] where pairs are many the approximation is within 3 % of the exact number beside it', () => {
  const [exactly, nearly] = [64, 65].map((pairs) => splitLayer([20, 30, 40], pairs, 1).busiestPairs / pairs)
  expect(Math.abs(nearly! / exactly! - 1)).toBeLessThan(0.03)
})

it('[CO5] the busiest host has at least the mean, at most all; pairs add up; calls are at most hosts and pairs', () => {
  const layer = fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(layer, fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 8 }), (experts, tokens, k) => {
      const topK = Math.min(
        k,
        experts.reduce((sum, count) => sum + count, 0),
      )
      const split = splitLayer(experts, tokens, topK)
      const trials = tokens * topK
      expect(split.pairs.reduce((sum, pairs) => sum + pairs, 0)).toBeCloseTo(trials, 6)
      expect(split.busiestPairs).toBeGreaterThanOrEqual(Math.max(...split.pairs) - 1e-6)
      expect(split.busiestPairs).toBeLessThanOrEqual(trials + 1e-6)
      expect(split.calls).toBeGreaterThan(0)
      expect(split.calls).toBeLessThanOrEqual(Math.min(experts.length, trials) + 1e-9)
    }),
  )
})

it('[CO5] pairs meet as many experts as there are, at most', () => {
  expect(distinctExperts(1, 16)).toBeCloseTo(1, 12)
  expect(distinctExperts(2, 16)).toBeCloseTo(1 + 15 / 16, 12)
  expect(distinctExperts(1e4, 16)).toBeCloseTo(16, 9)
  expect(distinctExperts(5, 1)).toBe(1)
})
