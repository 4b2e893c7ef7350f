import type { Tier } from '../protocol/tiers.ts'
import type { ModelSpec } from './model-spec.ts'
import { KV_PAGE_POSITIONS } from './records.ts'

/** What the KV cache holds: f32 in tier f32; else int8 codes with one f32 scale for a position's key and one for its value, in each kv head. */

/** Floats of one head's row: the head's width rounded up to a vector. */
export function headStrideFloats(headDim: number): number {
  return Math.ceil(headDim / 4) * 4
}

/** KV pages that one whole context takes. */
export function contextPages(spec: ModelSpec): number {
  return Math.ceil(spec.context / KV_PAGE_POSITIONS)
}

/** Bytes of one layer's part of a KV page. int8: keys in pairs of columns, values in panels of 8; the layout is that of wasm/assembly/inline/kv-page.ts. */
export function kvLayerBytes(spec: ModelSpec, tier: Tier): number {
  const { kvHeads, headDim } = spec.attention
  const keyAndValue = tier === 'f32' ? 2 * headStrideFloats(headDim) * 4 : 2 * Math.ceil(headDim / 2) + 8 * Math.ceil(headDim / 8) + 2 * 4
  return kvHeads * KV_PAGE_POSITIONS * keyAndValue
}

/** Bytes of one KV page: KV_PAGE_POSITIONS positions in every layer. */
export function kvPageBytes(spec: ModelSpec, tier: Tier): number {
  return spec.layers.length * kvLayerBytes(spec, tier)
}
