import fc from 'fast-check'
import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { headStrideFloats, kvLayerBytes } from '../../shared/core/kv-layout.ts'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { attentionScratchBytes } from '../../shared/core/scratch.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import { randomFloats } from './kernel-rig.ts'
import type { KernelRig } from './kernel-rig.ts'

/** One layer's attention of one sequence of `length` tokens. */
export interface AttentionShape {
  readonly seed: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly length: number
  /** 0 for none. */
  readonly window: number
}

export const arbAttention: fc.Arbitrary<AttentionShape> = fc
  .record({
    seed: fc.nat(),
    kvHeads: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 5 }),
    headDim: fc.integer({ min: 1, max: 35 }).map((half) => 2 * half),
    length: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(127, 128, 129, 150)),
    window: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 140 })),
  })
  .map(({ group, kvHeads, ...rest }) => ({ ...rest, kvHeads, heads: kvHeads * group }))

/** q [length, heads · headDim]; k and v [length, kvHeads · headDim]; angles [length, headDim / 2]. */
export interface AttentionData {
  readonly q: Float32Array
  readonly k: Float32Array
  readonly v: Float32Array
  readonly angles: Float32Array
}

export function randomTokens({ seed, heads, kvHeads, headDim, length }: AttentionShape): AttentionData {
  const rows = (n: number, offset: number) => randomFloats(seed + offset, length * n)
  return { q: rows(heads * headDim, 0), k: rows(kvHeads * headDim, 1), v: rows(kvHeads * headDim, 2), angles: rows(headDim / 2, 3) }
}

/** Bytes before this layer's part of a page, as of layers before it. */
const LAYER_OFFSET = 64

/** Buffers and pages of one sequence, pages in no order. What was never stored is NaN in f32 and in scales. */
export function createAttentionRig(rig: KernelRig, pages: 'f32' | 'i8', shape: AttentionShape, withNorm = false) {
  const { heads, kvHeads, headDim, length, window } = shape
  const tier = pages === 'f32' ? 'f32' : 'q8'
  const spec: ModelSpec = { ...TINY_SPEC, context: length, attention: { ...TINY_SPEC.attention, heads, kvHeads, headDim } }
  const layerBytes = kvLayerBytes(spec, tier)
  const headStride = headStrideFloats(headDim) * 4
  const pageCount = Math.ceil(length / KV_PAGE_POSITIONS)
  const addresses = Array.from({ length: pageCount }, () => rig.arena.alloc(LAYER_OFFSET + layerBytes, 'page')).toReversed()
  const table = rig.arena.alloc(pageCount * 4, 'table')
  rig.arena.u32(table, pageCount).set(addresses)
  const positions = rig.arena.alloc(length * 4, 'positions')
  const tables = rig.arena.alloc(length * 4, 'tables')
  const pageOf = rig.arena.alloc(length * 4, 'pages')
  const norm = rig.putVector(randomFloats(5, headDim).map((v) => v + 1))
  const qHeads = rig.alloc((length * heads * headStride) / 4)
  const scratch = rig.alloc((Math.max(heads, kvHeads) * headStride) / 4)
  const scores = rig.alloc(attentionScratchBytes(spec) / 4)
  const row = heads * headDim
  const out = rig.alloc(length * row + 4)

  /** Writes the batch of tokens from..to. */
  function batch(from: number, to: number): void {
    for (let t = from; t < to; t++) {
      rig.arena.i32(positions, length)[t - from] = t
      rig.arena.u32(tables, length)[t - from] = table
      rig.arena.u32(pageOf, length)[t - from] = addresses[Math.floor(t / KV_PAGE_POSITIONS)]!
    }
  }

  function prepare(data: AttentionData, from: number, to: number): void {
    batch(from, to)
    const put = (values: Float32Array, n: number) => rig.put(values.slice(from * n, to * n))
    const kv = kvHeads * headDim
    const angles = data.angles.slice((from * headDim) / 2, (to * headDim) / 2)
    const [cos, sin] = [rig.put(angles.map(Math.cos)), rig.put(angles.map(Math.sin))]
    rig.k.prepare_heads(
      pages === 'f32' ? 0 : 1,
      put(data.q, row),
      put(data.k, kv),
      put(data.v, kv),
      qHeads + from * heads * headStride,
      row * 4,
      kv * 4,
      kv * 4,
      heads * headStride,
      cos,
      sin,
      headDim * 2,
      positions,
      pageOf,
      to - from,
      LAYER_OFFSET,
      withNorm ? norm : 0,
      withNorm ? norm : 0,
      1e-6,
      heads,
      kvHeads,
      headDim,
      headStride,
      scratch,
    )
  }

  /** Results of tokens from..to, whose keys and values are stored. */
  function attend(from: number, to: number): Float32Array {
    batch(from, to)
    rig.arena.f32(scores, attentionScratchBytes(spec) / 4).fill(NaN)
    rig.arena.f32(out, length * row + 4).fill(NaN)
    const kernel = pages === 'f32' ? rig.k.attention_f32 : rig.k.attention_i8
    const q = qHeads + from * heads * headStride
    const scale = Math.fround(1 / Math.sqrt(headDim))
    kernel(q, heads * headStride, positions, tables, to - from, LAYER_OFFSET, out, row * 4, scores, window, heads, kvHeads, headDim, headStride, scale)
    const rows = rig.take(out, (to - from) * row + 1)
    if (!Number.isNaN(rows.at(-1)!)) throw new Error('attention wrote beyond its result')
    return rows.slice(0, -1)
  }

  return {
    norm,
    prepare,
    attend,
    /** One token's prepared query rows, padding included. */
    query: (t: number) => rig.take(qHeads + t * heads * headStride, (heads * headStride) / 4),
    /** All that `prepare` left, as words. */
    prepared(): Float32Array {
      const queries = (length * heads * headStride) / 4
      const all = new Float32Array(queries + (pageCount * layerBytes) / 4)
      all.set(rig.take(qHeads, queries))
      addresses.forEach((page, i) => all.set(rig.take(page + LAYER_OFFSET, layerBytes / 4), queries + (i * layerBytes) / 4))
      return all
    },
  }
}
