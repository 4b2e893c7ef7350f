import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KernelRig, onEveryBuild, randomFloats, sameBits } from './kernel-rig.ts'

it('[NU9] gather_rows copies each named row and nothing more', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }), (vectors, index) => {
      const floats = vectors * 4
      const source = randomFloats(7, 10 * (floats + 4))
      const got = onEveryBuild((rig) => {
        const dst = rig.alloc((index.length + 1) * floats)
        rig.k.gather_rows(rig.put(source), (floats + 4) * 4, putIndex(rig, index), index.length, dst, floats * 4)
        return rig.arena.f32(dst, (index.length + 1) * floats).slice()
      })
      index.forEach((from, i) =>
        expect(sameBits(got.slice(i * floats, (i + 1) * floats), source.slice(from * (floats + 4), from * (floats + 4) + floats))).toBe(true),
      )
      expect(got.slice(index.length * floats).every(Number.isNaN)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

const arbCombine = fc.record({
  tokens: fc.integer({ min: 1, max: 5 }),
  topK: fc.integer({ min: 1, max: 8 }),
  vectors: fc.integer({ min: 1, max: 9 }),
  shared: fc.boolean(),
  multiplier: fc.constantFrom(1, 0.22),
  seed: fc.nat(99),
})

it('[NU4] combine_rows adds slots in order, then the shared row, then the residual stream, each operation rounded', () => {
  fc.assert(
    fc.property(arbCombine, ({ tokens, topK, vectors, shared, multiplier, seed }) => {
      const n = vectors * 4
      const residual = randomFloats(seed, tokens * n)
      const rows = randomFloats(seed + 1, tokens * topK * n)
      const weights = randomFloats(seed + 2, tokens * topK)
      const sharedRows = randomFloats(seed + 3, tokens * n)
      const rowOf = Array.from({ length: tokens * topK }, (_, i) => (i * 7 + seed) % (tokens * topK))
      const got = onEveryBuild((rig) => {
        const at = rig.put(residual)
        const sharedAt = shared ? rig.put(sharedRows) : 0
        rig.k.combine_rows(at, n * 4, rig.put(rows), n * 4, putIndex(rig, rowOf), rig.put(weights), topK, sharedAt, n * 4, multiplier, n, tokens)
        return rig.arena.f32(at, tokens * n).slice()
      })
      const f = Math.fround
      const want = residual.map((value, at) => {
        const [t, c] = [Math.floor(at / n), at % n]
        let sum = 0
        for (let s = t * topK; s < (t + 1) * topK; s++) sum = f(sum + f(weights[s]! * rows[rowOf[s]! * n + c]!))
        if (shared) sum = f(sum + sharedRows[at]!)
        return f(value + f(f(multiplier) * sum))
      })
      expect(sameBits(got, want)).toBe(true)
    }),
    { numRuns: 100 },
  )
})

function putIndex(rig: KernelRig, index: readonly number[]): number {
  return rig.putBytes(new Uint8Array(Uint32Array.from(index).buffer))
}
