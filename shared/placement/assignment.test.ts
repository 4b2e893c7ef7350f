import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fewestMoves, leastAssignment } from './assignment.ts'

it('[SI2] the cheapest assignment, against all permutations', () => {
  const arbCost = fc
    .integer({ min: 1, max: 6 })
    .chain((n) => fc.array(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: n, maxLength: n }), { minLength: n, maxLength: n }))
  fc.assert(
    fc.property(arbCost, (cost) => {
      expect(leastAssignment(cost)).toBe(cheapest(cost, []))
    }),
  )
})

it('[SI2] hosts that only changed their names bring nothing in', () => {
  const [a, b, c] = [new Set([1, 2]), new Set([3]), new Set([4, 5])]
  expect(fewestMoves([c, a, b], [a, b, c])).toBe(0)
  expect(fewestMoves([c, new Set([1, 6]), b], [a, b, c])).toBe(1)
})

function cheapest(cost: readonly (readonly number[])[], used: readonly number[]): number {
  if (used.length === cost.length) return 0
  const row = cost[used.length]!
  return Math.min(...row.map((price, column) => (used.includes(column) ? Infinity : price + cheapest(cost, [...used, column]))))
}
