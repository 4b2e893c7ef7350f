import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arbAttention, createAttentionRig, randomTokens } from './attention-rig.ts'
import { KernelRig, onEveryBuild, randomFloats, sameBits } from './kernel-rig.ts'

const pad4 = (n: number) => Math.ceil(n / 4) * 4

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

describe.each(['f32', 'i8'] as const)('prepare_heads for %s pages', (pages) => {
  it('[NU2] leaves the same queries and pages for all tokens at once as for one after the other', () => {
    fc.assert(
      fc.property(arbAttention, fc.boolean(), (shape, norm) => {
        const data = randomTokens(shape)
        const prepared = (chunk: number) =>
          onEveryBuild((rig) => {
            const attention = createAttentionRig(rig, pages, shape, norm)
            for (let t = 0; t < shape.length; t += chunk) attention.prepare(data, t, Math.min(shape.length, t + chunk))
            return attention.prepared()
          })
        expect(sameBits(prepared(shape.length), prepared(1))).toBe(true)
      }),
      { numRuns: 20 },
    )
  })
})

it('[NU3] prepare_heads is split, norm of each head, then rope', () => {
  fc.assert(
    fc.property(arbAttention, (shape) => {
      const data = randomTokens(shape)
      const { heads, headDim, length } = shape
      const stride = pad4(headDim)
      const rig = new KernelRig('relaxed')
      const attention = createAttentionRig(rig, 'f32', shape, true)
      attention.prepare(data, 0, length)
      for (let t = 0; t < length; t++) {
        const want = rig.alloc(heads * stride)
        rig.k.split_heads(rig.put(data.q.slice(t * heads * headDim, (t + 1) * heads * headDim)), want, heads, headDim, stride * 4)
        rig.k.rmsnorm(want, attention.norm, want, headDim, 1e-6, heads, stride * 4, stride * 4)
        const angles = data.angles.slice((t * headDim) / 2, ((t + 1) * headDim) / 2)
        rig.k.rope(want, rig.put(angles.map(Math.cos)), rig.put(angles.map(Math.sin)), heads, headDim, stride * 4)
        expect(sameBits(attention.query(t), rig.take(want, heads * stride))).toBe(true)
      }
    }),
    { numRuns: 20 },
  )
})
