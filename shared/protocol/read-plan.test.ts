import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LIMITS, MIB } from './limits.ts'
import type { StoredRange } from './manifest.ts'
import { planReads } from './read-plan.ts'

const range = (object: string, offset: number, bytes: number): StoredRange => ({ object, offset, bytes, sha256: '' })

it('[RE1] any set of ranges is covered exactly by reads that are not too large', () => {
  const arbRange = fc.tuple(fc.constantFrom('a', 'b'), fc.nat(120 * MIB), fc.integer({ min: 1, max: 40 * MIB }))
  fc.assert(
    fc.property(fc.array(arbRange, { minLength: 1, maxLength: 12 }), (cuts) => {
      const ranges = cuts.map(([object, offset, bytes]) => range(object, offset, bytes))
      const reads = planReads(ranges)
      const covered = ranges.map(() => [] as [number, number][])
      for (const read of reads) {
        expect(read.bytes).toBeLessThanOrEqual(LIMITS.readBytesMax)
        expect(read.pieces.every((piece, i) => i === 0 || piece.from >= read.pieces[i - 1]!.from)).toBe(true)
        for (const { range: index, from, to, bytes } of read.pieces) {
          expect(from + bytes).toBeLessThanOrEqual(read.bytes)
          expect(read.object).toBe(ranges[index]!.object)
          expect(read.offset + from).toBe(ranges[index]!.offset + to)
          covered[index]!.push([to, bytes])
        }
      }
      for (const [index, pieces] of covered.entries()) {
        let end = 0
        for (const [to, bytes] of pieces) {
          expect(to).toBe(end)
          end += bytes
        }
        expect(end).toBe(ranges[index]!.bytes)
      }
    }),
  )
})

it('[RE1] neighbours share a read, far ones and those of other objects do not', () => {
  const reads = planReads([range('b', 200, 1000), range('a', 64, 100), range('b', 5, 100), range('b', MIB, 10)])
  expect(reads.map(({ object, offset, bytes }) => [object, offset, bytes])).toEqual([
    ['a', 64, 100],
    ['b', 5, 1195],
    ['b', MIB, 10],
  ])
})

it('[RE1] many bytes of one object make as many reads as may be under way; experts are not cut', () => {
  const expert = 1.5 * MIB
  const reads = planReads(Array.from({ length: 12 }, (_, i) => range('a', i * expert, expert)))
  expect(reads).toHaveLength(LIMITS.readsInFlight)
  expect(reads.flatMap((read) => read.pieces).every((piece) => piece.bytes === expert)).toBe(true)
})
