import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bestIds, lastReaching } from './ranking.ts'

const arbLogits = fc
  .array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0, -0, 1e-45, -1e-45, -Infinity), fc.float({ noNaN: true })), {
    minLength: 1,
    maxLength: 80,
  })
  .map((list) => Float32Array.from(list))

/** All ids, by the definition of the ranking. */
function ranked(logits: Float32Array): number[] {
  return Array.from(logits.keys()).sort((a, b) => (logits[a] === logits[b] ? a - b : logits[b]! - logits[a]!))
}

describe('bestIds', () => {
  it('[NU7] gives the beginning of the ranking, for every count', () => {
    fc.assert(
      fc.property(arbLogits, fc.nat(90), (logits, count) => {
        expect(bestIds(logits, count)).toEqual(ranked(logits).slice(0, count))
      }),
    )
  })

  it('[NU7] ranks equal logits by ascending id', () => {
    expect(bestIds(new Float32Array(100), 3)).toEqual([0, 1, 2])
    expect(bestIds(Float32Array.of(1, 5, 5, 5, 2), 2)).toEqual([1, 2])
    expect(bestIds(Float32Array.of(-0, 0, -0), 2)).toEqual([0, 1])
  })
})

describe('lastReaching', () => {
  it('[NU7] with equal weights, gives the id of a rank', () => {
    fc.assert(
      fc.property(arbLogits, fc.nat(), (logits, n) => {
        const rank = n % logits.length
        expect(lastReaching(logits, rank + 1, () => 1)).toBe(ranked(logits)[rank])
      }),
    )
  })

  it('[NU7] with any weights, gives the first id of the ranking at which their sum is enough', () => {
    const arbWeights = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 80, maxLength: 80 }).filter((weights) => weights[0]! > 0)
    fc.assert(
      fc.property(arbLogits, arbWeights, fc.integer({ min: 1, max: 800 }), (logits, weights, wanted) => {
        const order = ranked(logits).filter((id) => weights[id]! > 0) // integers: their sums are exact in any order
        const upTo = (rank: number) => order.slice(0, rank + 1).reduce((sum, id) => sum + weights[id]!, 0)
        const want = order.find((_, rank) => upTo(rank) >= wanted) ?? order.at(-1)
        expect(lastReaching(logits, wanted, (id) => weights[id]!)).toBe(want)
      }),
    )
  })
})
