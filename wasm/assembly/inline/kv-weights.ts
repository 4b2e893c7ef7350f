import { KV_PAGE_POSITIONS } from '../../../shared/core/records.ts'
import { codeFactor, codeScale, codesOf, maxMagnitude } from './code-row.ts'
import { storeInterleaved } from './kv-tile.ts'
import { maxLanes } from './lanes.ts'

/** The largest code of a weight. */
const WEIGHT_LIMIT: f32 = 32767

/**
 * The weights of a block's positions, for up to 4 rows `stride` bytes apart, as codes for `tile`; each row's scale to weightScales.
 * scores: e^(score − max), becomes the weights: times the value's scale, scalesAt bytes into each page from entry to entryEnd.
 * A position that weighs nothing may have any scale, so it is not multiplied with it.
 */
export function codeWeights(count: i32, scores: usize, stride: usize, entry: usize, entryEnd: usize, scalesAt: usize, weightScales: usize, weights: usize): void {
  let f0 = f32x4.splat(0), f1 = f0, f2 = f0, f3 = f0
  for (let r = 0; r < count; r++) {
    let e = scores + <usize>r * stride
    let largest = f32x4.splat(0)
    for (let page = entry; page < entryEnd; page += 4, e += 4 * KV_PAGE_POSITIONS) {
      const scales = <usize>load<u32>(page) + scalesAt
      for (let i: usize = 0; i < 4 * KV_PAGE_POSITIONS; i += 16) {
        const v = v128.load(e + i)
        const weight = v128.andnot(f32x4.mul(v, v128.load(scales + i)), f32x4.eq(v, f32x4.splat(0)))
        v128.store(e + i, weight)
        largest = maxMagnitude(largest, weight)
      }
    }
    const amax = maxLanes(largest)
    const factor = f32x4.splat(codeFactor(amax, WEIGHT_LIMIT))
    store<f32>(weightScales + (<usize>r << 2), codeScale(amax, WEIGHT_LIMIT))
    if (r == 0) f0 = factor
    else if (r == 1) f1 = factor
    else if (r == 2) f2 = factor
    else f3 = factor
  }
  const w1 = count > 1 ? scores + stride : scores, w2 = count > 2 ? w1 + stride : scores, w3 = count > 3 ? w2 + stride : scores
  const end = (entryEnd - entry) * KV_PAGE_POSITIONS
  for (let i: usize = 0; i < end; i += 32, weights += 64) {
    storeInterleaved(codes8(scores + i, f0), codes8(w1 + i, f1), codes8(w2 + i, f2), codes8(w3 + i, f3), weights)
  }
}

@inline function codes8(w: usize, factor: v128): v128 { return i16x8.narrow_i32x4_s(codesOf(v128.load(w), factor), codesOf(v128.load(w, 16), factor)) }
