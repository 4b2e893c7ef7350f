import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { KernelRig, onEveryBuild, randomFloats, sameBits } from './kernel-rig.ts'

interface Shape {
  readonly seed: number
  readonly kvHeads: number
  readonly group: number
  readonly headDim: number
  readonly from: number
  readonly span: number
}

const arbShape: fc.Arbitrary<Shape> = fc.record({
  seed: fc.nat(),
  kvHeads: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 3 }),
  headDim: fc.integer({ min: 1, max: 70 }),
  from: fc.integer({ min: 0, max: 40 }),
  span: fc.integer({ min: 1, max: 60 }),
})
const LAYER_OFFSET = 64
const pad4 = (n: number) => Math.ceil(n / 4) * 4

it('[NU4] a KV page has the positions that the limits say', () => {})

it('[NU1] attention over pages is the softmax-weighted mean of the values', () => {
  fc.assert(
    fc.property(arbShape, (shape) => {
      const data = randomHeads(shape)
      const got = onEveryBuild((rig) => attend(rig, shape, data, shape.from))
      const want = reference(shape, data)
      got.forEach((v, i) => expect(Math.abs(v - want[i]!)).toBeLessThan(1e-5))
    }),
    { numRuns: 60 },
  )
})

it('[NU2] attention does not depend on scratch, on where pages lie, or on positions outside the window', () => {
  fc.assert(
    fc.property(arbShape, (shape) => {
      const data = randomHeads(shape)
      const want = attend(new KernelRig('relaxed'), shape, data, shape.from)
      const rig = new KernelRig('relaxed')
      rig.alloc(4 * (1 + (shape.seed % 97)))
      // In `want`, nothing before the window was stored (it is NaN), and so is the scratch.
      const first = attend(rig, shape, data, 0, 1e30)
      const second = attend(rig, shape, data, shape.from, -Infinity)
      expect(sameBits(first, want)).toBe(true)
      expect(sameBits(second, want)).toBe(true)
    }),
    { numRuns: 30 },
  )
})

it('[NU4] the same keys and values give the same bits wherever in the pages they begin', () => {
  fc.assert(
    fc.property(arbShape, (shape) => {
      const data = randomHeads({ ...shape, from: 0 })
      const before = new Float32Array(shape.from * shape.kvHeads * shape.headDim)
      const shifted = { q: data.q, k: Float32Array.of(...before, ...data.k), v: Float32Array.of(...before, ...data.v) }
      const want = attend(new KernelRig('relaxed'), { ...shape, from: 0 }, data, 0)
      expect(sameBits(attend(new KernelRig('relaxed'), shape, shifted, shape.from), want)).toBe(true)
    }),
    { numRuns: 40 },
  )
})

it('[NU3] rope rotates pair (i, i + headDim/2) of each head and leaves the padding', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 35 }), (seed, heads, half) => {
      const headDim = 2 * half
      const q = randomFloats(seed, heads * headDim)
      const angles = randomFloats(seed + 1, half)
      const [cos, sin] = [angles.map(Math.cos), angles.map(Math.sin)]
      const got = onEveryBuild((rig) => {
        const at = rig.putRows(q, heads, pad4(headDim), pad4(headDim))
        rig.k.rope(at, rig.put(cos), rig.put(sin), heads, headDim, pad4(headDim) * 4)
        return rig.take(at, heads * pad4(headDim))
      })
      const want = new Float32Array(heads * pad4(headDim))
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < half; i++) {
          const [a, b] = [q[h * headDim + i]!, q[h * headDim + half + i]!]
          want[h * pad4(headDim) + i] = Math.fround(a * cos[i]!) - Math.fround(b * sin[i]!)
          want[h * pad4(headDim) + half + i] = Math.fround(b * cos[i]!) + Math.fround(a * sin[i]!)
        }
      }
      expect(sameBits(got, want)).toBe(true)
    }),
  )
})

it('[NU9] split_heads pads each head with zeros and writes nothing beyond the last', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 40 }), (seed, heads, headDim) => {
      const values = randomFloats(seed, heads * headDim)
      const got = onEveryBuild((rig) => {
        const dst = rig.alloc(heads * pad4(headDim) + 4)
        rig.k.split_heads(rig.put(values), dst, heads, headDim, pad4(headDim) * 4)
        return rig.take(dst, heads * pad4(headDim) + 4)
      })
      for (let h = 0; h < heads; h++) {
        const row = got.slice(h * pad4(headDim), (h + 1) * pad4(headDim))
        expect([...row]).toEqual([...values.slice(h * headDim, (h + 1) * headDim), ...Array.from({ length: pad4(headDim) - headDim }, () => 0)])
      }
      expect(Array.from(got.slice(-4)).every(Number.isNaN)).toBe(true)
    }),
  )
})

/** q [heads, headDim]; keys and values [to, kvHeads, headDim]. */
function randomHeads({ seed, kvHeads, group, headDim, from, span }: Shape) {
  const cache = (from + span) * kvHeads * headDim
  return { q: randomFloats(seed, kvHeads * group * headDim), k: randomFloats(seed + 1, cache), v: randomFloats(seed + 2, cache) }
}

/** Stores positions from `storedFrom` on, through split_heads and store_kv, then attends from shape.from with scores full of `scratch`. Pages lie in no order. */
function attend(rig: KernelRig, shape: Shape, data: ReturnType<typeof randomHeads>, storedFrom: number, scratch = NaN): Float32Array {
  const { kvHeads, group, headDim, from, span } = shape
  const heads = kvHeads * group
  const headStride = pad4(headDim) * 4
  const pageBytes = LAYER_OFFSET + 2 * kvHeads * KV_PAGE_POSITIONS * headStride
  const pages = Array.from({ length: Math.ceil((from + span) / KV_PAGE_POSITIONS) }, () => rig.arena.alloc(pageBytes, 'page')).toReversed()
  const table = rig.arena.alloc(pages.length * 4, 'table')
  rig.arena.u32(table, pages.length).set(pages)
  const split = (values: Float32Array, count: number) => {
    const dst = rig.alloc((count * headStride) / 4)
    rig.k.split_heads(rig.put(values), dst, count, headDim, headStride)
    return dst
  }
  const row = kvHeads * headDim
  for (let j = storedFrom; j < from + span; j++) {
    const page = pages[Math.floor(j / KV_PAGE_POSITIONS)]! + LAYER_OFFSET
    const part = (values: Float32Array) => split(values.slice(j * row, (j + 1) * row), kvHeads)
    rig.k.store_kv(part(data.k), part(data.v), page, j % KV_PAGE_POSITIONS, kvHeads, headStride)
  }
  const out = rig.alloc(heads * headDim + 4)
  const scores = rig.alloc(span + 4)
  rig.arena.f32(scores, span).fill(scratch)
  rig.k.attention(split(data.q, heads), table, LAYER_OFFSET, out, scores, from, from + span, heads, kvHeads, headDim, headStride, 1 / Math.sqrt(headDim))
  expect(rig.take(out + 4 * heads * headDim, 4).every(Number.isNaN)).toBe(true)
  expect(rig.take(scores + 4 * span, 4).every(Number.isNaN)).toBe(true)
  return rig.take(out, heads * headDim)
}

function reference({ kvHeads, group, headDim, from, span }: Shape, { q, k, v }: ReturnType<typeof randomHeads>): Float64Array {
  const out = new Float64Array(kvHeads * group * headDim)
  for (let h = 0; h < kvHeads * group; h++) {
    const kv = Math.floor(h / group)
    const at = (j: number) => (j * kvHeads + kv) * headDim
    const scores = Array.from({ length: span }, (_, j) => {
      let sum = 0
      for (let i = 0; i < headDim; i++) sum += q[h * headDim + i]! * k[at(from + j) + i]!
      return sum / Math.sqrt(headDim)
    })
    const max = Math.max(...scores)
    const sum = scores.reduce((s, score) => s + Math.exp(score - max), 0)
    scores.forEach((score, j) => {
      for (let i = 0; i < headDim; i++) out[h * headDim + i] = out[h * headDim + i]! + (Math.exp(score - max) / sum) * v[at(from + j) + i]!
    })
  }
  return out
}
