import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createEvenSplit, createHashSplit } from './plain-splits.ts'
import { splitTable } from './splitter.ts'

it.each([
  ['even', createEvenSplit],
  ['hash', createHashSplit],
] as const)('%s: shares of an expert add up to its pairs', (_name, create) => {
  const split = create()
  const arbLayer = fc.array(fc.record({ replicas: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 8 }), count: fc.nat(50) }), {
    minLength: 1,
    maxLength: 20,
  })
  fc.assert(
    fc.property(arbLayer, (layer) => {
      const table = splitTable(
        layer.map(({ replicas }) => replicas),
        8,
      )
      const shares = new Uint32Array(table.hostOf.length).fill(9)
      split(
        table,
        Uint32Array.from(layer, ({ count }) => count),
        shares,
      )
      for (const [expert, { count }] of layer.entries()) {
        expect(shares.subarray(table.first[expert], table.first[expert + 1]).reduce((a, b) => a + b, 0)).toBe(count)
      }
    }),
  )
})

it('over many steps replicas get about the same', () => {
  const table = splitTable([[0, 3, 5]], 8)
  for (const create of [createEvenSplit, createHashSplit]) {
    const split = create()
    const total = [0, 0, 0]
    for (let step = 0; step < 300; step++) {
      const shares = new Uint32Array(3)
      split(table, Uint32Array.of(4), shares)
      shares.forEach((share, i) => (total[i]! += share))
    }
    for (const share of total) expect(share / 400).toBeCloseTo(1, 0.5)
  }
})
