import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ZERO_BLOCK_BELOW } from '../../shared/core/records.ts'
import { arbAttention, createAttentionRig, randomTokens } from './attention-rig.ts'
import type { AttentionData, AttentionShape } from './attention-rig.ts'
import { KernelRig, onEveryBuild, sameBits } from './kernel-rig.ts'

/** Stores and attends chunk by chunk, as a prompt is taken. [length, heads · headDim]. */
function attendInChunks(rig: KernelRig, pages: 'f32' | 'i8', shape: AttentionShape, data: AttentionData, chunk: number): Float32Array {
  const attention = createAttentionRig(rig, pages, shape)
  const row = shape.heads * shape.headDim
  const all = new Float32Array(shape.length * row)
  for (let from = 0; from < shape.length; from += chunk) {
    const to = Math.min(shape.length, from + chunk)
    attention.prepare(data, from, to)
    all.set(attention.attend(from, to), from * row)
  }
  return all
}

describe.each([
  ['f32', 1e-5],
  ['i8', 0.12], // a key's code is within 1/254 of its largest number, which has outliers here
] as const)('attention over %s pages', (pages, tolerance) => {
  it('[NU1] is the softmax-weighted mean of the values', () => {
    fc.assert(
      fc.property(arbAttention, (shape) => {
        const data = randomTokens(shape)
        const got = onEveryBuild((rig) => attendInChunks(rig, pages, shape, data, shape.length))
        const want = meanOfValues(shape, data)
        got.forEach((v, i) => expect(Math.abs(v - want[i]!)).toBeLessThan(tolerance))
      }),
      { numRuns: 40 },
    )
  })

  it('[NU2] a token has the same bits alone and in any chunk, on every build', () => {
    fc.assert(
      fc.property(arbAttention, fc.integer({ min: 2, max: 70 }), (shape, chunk) => {
        const data = randomTokens(shape)
        const alone = onEveryBuild((rig) => attendInChunks(rig, pages, shape, data, 1))
        expect(
          sameBits(
            onEveryBuild((rig) => attendInChunks(rig, pages, shape, data, chunk)),
            alone,
          ),
        ).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('[NU11] nothing before the window and nothing after the token is read', () => {
    fc.assert(
      fc.property(arbAttention, fc.nat(), (shape, at) => {
        const data = randomTokens(shape)
        const last = at % shape.length
        const first = shape.window === 0 ? 0 : Math.max(0, last + 1 - shape.window)
        const row = shape.heads * shape.headDim
        const want = attendInChunks(new KernelRig('relaxed'), pages, shape, data, shape.length).slice(last * row, (last + 1) * row)
        const sparse = createAttentionRig(new KernelRig('relaxed'), pages, shape)
        sparse.prepare(data, first, last + 1) // all other positions are NaN
        expect(sameBits(sparse.attend(last, last + 1), want)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('[NU11] a NaN in a key shows in every result that sees it, and in no other', () => {
    const shape = { seed: 3, heads: 2, kvHeads: 1, headDim: 8, length: 20, window: 0 }
    const data = randomTokens(shape)
    data.k[12 * 8 + 3] = NaN
    const got = attendInChunks(new KernelRig('relaxed'), pages, shape, data, 20)
    expect(Array.from(got.slice(0, 12 * 16)).some(Number.isNaN)).toBe(false)
    expect(Array.from(got.slice(12 * 16)).every(Number.isNaN)).toBe(true)
  })
})

it('[NU3] [NU4] attention over int8 pages has the bits of its order of operations, in scalar TypeScript', () => {
  fc.assert(
    fc.property(arbAttention, (shape) => {
      const data = { ...randomTokens(shape) }
      data.angles.fill(0) // so that queries and keys are as given
      const got = attendInChunks(new KernelRig('plain'), 'i8', shape, data, shape.length)
      expect(sameBits(got, orderOfOperations(shape, data))).toBe(true)
    }),
    { numRuns: 30 },
  )
})

/** f64, no codes, no order. RoPE turns queries and keys by the token's angles. */
function meanOfValues(shape: AttentionShape, { q, k, v, angles }: AttentionData): Float64Array {
  const { heads, kvHeads, headDim, length, window } = shape
  const out = new Float64Array(length * heads * headDim)
  for (let t = 0; t < length; t++) {
    const first = window === 0 ? 0 : Math.max(0, t + 1 - window)
    for (let h = 0; h < heads; h++) {
      const kv = Math.floor(h / (heads / kvHeads))
      const query = turned(q, (t * heads + h) * headDim, headDim, angles, t)
      const weights: number[] = []
      for (let j = first; j <= t; j++) {
        const key = turned(k, (j * kvHeads + kv) * headDim, headDim, angles, j)
        weights.push(query.reduce((sum, x, i) => sum + x * key[i]!, 0) / Math.sqrt(headDim))
      }
      const max = Math.max(...weights)
      const sum = weights.reduce((s, w) => s + Math.exp(w - max), 0)
      for (const [n, w] of weights.entries()) {
        for (let i = 0; i < headDim; i++) out[(t * heads + h) * headDim + i]! += (Math.exp(w - max) / sum) * v[((first + n) * kvHeads + kv) * headDim + i]!
      }
    }
  }
  return out
}

function turned(x: Float32Array, at: number, headDim: number, angles: Float32Array, t: number): number[] {
  const half = headDim / 2
  return Array.from({ length: headDim }, (_, c) => {
    const i = c % half
    const [a, b, angle] = [x[at + i]!, x[at + half + i]!, angles[t * half + i]!]
    return c < half ? a * Math.cos(angle) - b * Math.sin(angle) : b * Math.cos(angle) + a * Math.sin(angle)
  })
}

/** The comment of attention_i8, line by line; e is the kernels' own exp_row. */
function orderOfOperations(shape: AttentionShape, { q, k, v }: AttentionData): Float32Array {
  const { heads, kvHeads, headDim, length, window } = shape
  const f = Math.fround
  const { k: kernels, arena } = new KernelRig('plain')
  const row = arena.alloc(4 * 256, 'row')
  const codesAt = (x: Float32Array, at: number, limit: number) => codesOf(x.subarray(at, at + headDim), limit)
  const out = new Float32Array(length * heads * headDim)
  const scale = f(1 / Math.sqrt(headDim))
  const keys = Array.from({ length: length * kvHeads }, (_, i) => codesAt(k, i * headDim, 127))
  const values = Array.from({ length: length * kvHeads }, (_, i) => codesAt(v, i * headDim, 127))
  for (let t = 0; t < length; t++) {
    const first = window === 0 ? 0 : Math.max(0, t + 1 - window)
    for (let h = 0; h < heads; h++) {
      const kv = Math.floor(h / (heads / kvHeads))
      const query = codesAt(q, (t * heads + h) * headDim, Math.min(32767, Math.floor(16909320 / headDim)))
      const e = arena.f32(row, 256).fill(-Infinity)
      for (let j = first; j <= t; j++) {
        const key = keys[j * kvHeads + kv]!
        e[j] = f(f(dot(query.codes, key.codes)) * f(f(query.scale * scale) * key.scale))
      }
      const sum = kernels.exp_row(row, 256)
      const at = (t * heads + h) * headDim
      for (let block = 0; block <= t; block += 128) {
        const weights = codesOf(
          Float32Array.from({ length: 128 }, (_, i) => (block + i < first || block + i > t ? 0 : f(e[block + i]! * values[(block + i) * kvHeads + kv]!.scale))),
          32767,
        )
        for (let i = 0; i < headDim; i++) {
          let total = 0
          weights.codes.forEach((w, n) => (total += w === 0 ? 0 : w * values[(block + n) * kvHeads + kv]!.codes[i]!))
          out[at + i] = f(out[at + i]! + f(f(total) * weights.scale))
        }
      }
      for (let i = 0; i < headDim; i++) out[at + i] = f(out[at + i]! * f(1 / sum))
    }
  }
  return out
}

function codesOf(x: Float32Array, limit: number): { readonly codes: number[]; readonly scale: number } {
  const amax = x.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
  if (amax < Math.fround(ZERO_BLOCK_BELOW)) return { codes: Array.from(x, () => 0), scale: 0 }
  const factor = Math.fround(limit / amax)
  return { codes: Array.from(x, (value) => roundToEven(Math.fround(value * factor))), scale: Math.fround(amax / limit) }
}

function roundToEven(x: number): number {
  const shift = 1.5 * 2 ** 52
  return x + shift - shift
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0)
}
