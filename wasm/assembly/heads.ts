import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { amaxOf, codeFactor, codeScale, codesOf } from './inline/code-row.ts'
import { keyPanelBytes, keyScalesOffset, kvHeadBytes, VALUE_PANEL_BYTES, valueScalesOffset, valuesOffset } from './inline/kv-page.ts'
import { rmsnorm } from './rmsnorm.ts'

/** headStride: bytes from one head's row to the next, headDim floats rounded up to 4; the padding lanes are zero. */

/**
 * All tokens' heads of a layer, from projections to what attention reads: split, norm of each head, RoPE; keys and values go into their pages.
 * q, k, v    compact f32 rows [heads · headDim], [kvHeads · headDim], `…Stride` bytes a token.
 * qHeads     qHeadsStride bytes a token: rows of headStride bytes. f32 pages: the floats. int8 pages (`coded`): i16 codes, then at byte
 *            headStride / 2 the f32 scale; codes reach as far as exact sums allow (queryLimit).
 * cos, sin   f32 [headDim / 2] for each token's position, angleStride bytes apart.
 * positions, pages  i32 and u32 a token: its position and the address of its KV page; this layer's part begins layerOffset bytes into it.
 *            f32: keys [kvHeads][16] rows of headStride bytes, then values likewise. int8: inline/kv-page.ts, a head after the other.
 * qNorm, kNorm  weights [headDim] of the norm of each head; 0 for none.
 * scratch    max(heads, kvHeads) rows.
 */
export function prepare_heads(
  coded: i32, q: usize, k: usize, v: usize, qHeads: usize, qStride: usize, kStride: usize, vStride: usize, qHeadsStride: usize,
  cos: usize, sin: usize, angleStride: usize, positions: usize, pages: usize, tokens: i32, layerOffset: usize,
  qNorm: usize, kNorm: usize, eps: f32, heads: i32, kvHeads: i32, headDim: i32, headStride: usize, scratch: usize,
): void {
  for (let t: usize = 0; t < <usize>tokens; t++) {
    const slot = load<u32>(positions + t * 4) % KV_PAGE_POSITIONS
    const page = <usize>load<u32>(pages + t * 4) + layerOffset
    const turn = t * angleStride
    const queries = coded ? scratch : qHeads
    turnHeads(q, queries, heads, headDim, headStride, qNorm, eps, cos + turn, sin + turn)
    if (coded) codeQueries(scratch, qHeads, heads, headDim, headStride)
    turnHeads(k, scratch, kvHeads, headDim, headStride, kNorm, eps, cos + turn, sin + turn)
    if (coded) codeKeys(scratch, page, slot, kvHeads, headDim, headStride)
    else storeRows(scratch, page, slot, kvHeads, headStride)
    split_heads(v, scratch, kvHeads, headDim, headStride)
    if (coded) codeValues(scratch, page, slot, kvHeads, headDim, headStride)
    else storeRows(scratch, page + <usize>kvHeads * headStride * KV_PAGE_POSITIONS, slot, kvHeads, headStride)
    q += qStride, k += kStride, v += vStride, qHeads += qHeadsStride
  }
}

/** Spreads compact rows [heads · headDim] to [heads] rows of headStride bytes, zero filled. src and dst must not overlap. */
export function split_heads(src: usize, dst: usize, heads: i32, headDim: i32, headStride: usize): void {
  const bytes = <usize>headDim << 2
  for (let h = 0; h < heads; h++, src += bytes, dst += headStride) {
    memory.fill(dst + (bytes & ~15), 0, headStride - (bytes & ~15))
    memory.copy(dst, src, bytes)
  }
}

/**
 * Rotates in place: pair i is (i, i + headDim/2), by the angle whose cos and sin [headDim/2] the caller has for this position.
 * a' = a·cos − b·sin, b' = b·cos + a·sin, multiplied, then added. headDim is even.
 */
export function rope(q: usize, cos: usize, sin: usize, heads: i32, headDim: i32, headStride: usize): void {
  const half = <usize>headDim << 1
  const vectors = half & ~15
  for (let h = 0; h < heads; h++, q += headStride) {
    let i: usize = 0
    for (; i < vectors; i += 16) {
      const a = v128.load(q + i), b = v128.load(q + half + i)
      const c = v128.load(cos + i), s = v128.load(sin + i)
      v128.store(q + i, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)))
      v128.store(q + half + i, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)))
    }
    for (; i < half; i += 4) {
      const a = load<f32>(q + i), b = load<f32>(q + half + i)
      const c = load<f32>(cos + i), s = load<f32>(sin + i)
      store<f32>(q + i, a * c - b * s)
      store<f32>(q + half + i, b * c + a * s)
    }
  }
}

function turnHeads(src: usize, dst: usize, heads: i32, headDim: i32, headStride: usize, norm: usize, eps: f32, cos: usize, sin: usize): void {
  split_heads(src, dst, heads, headDim, headStride)
  if (norm) rmsnorm(dst, norm, dst, headDim, eps, heads, headStride, headStride)
  rope(dst, cos, sin, heads, headDim, headStride)
}

/** One token's f32 rows to position `slot` of a page. */
function storeRows(rows: usize, page: usize, slot: usize, kvHeads: i32, headStride: usize): void {
  page += slot * headStride
  for (let h = 0; h < kvHeads; h++, rows += headStride, page += headStride * KV_PAGE_POSITIONS) memory.copy(page, rows, headStride)
}

/** The largest query code: headDim products with a key's ±127 must stay an i32, and a code an i16. */
@inline function queryLimit(headDim: i32): f32 { return <f32>min(32767, 16909320 / headDim) }

function codeQueries(rows: usize, out: usize, heads: i32, headDim: i32, headStride: usize): void {
  const limit = queryLimit(headDim)
  for (let h = 0; h < heads; h++, rows += headStride, out += headStride) {
    const amax = amaxOf(rows, headDim)
    const factor = f32x4.splat(codeFactor(amax, limit))
    for (let i: usize = 0; i < headStride; i += 16) {
      const codes = codesOf(v128.load(rows + i), factor)
      v128.store64_lane(out + (i >> 1), i16x8.narrow_i32x4_s(codes, codes), 0)
    }
    store<f32>(out + (headStride >> 1), codeScale(amax, limit))
  }
}

function codeKeys(rows: usize, page: usize, slot: usize, kvHeads: i32, headDim: i32, headStride: usize): void {
  for (let h = 0; h < kvHeads; h++, rows += headStride, page += kvHeadBytes(headDim)) {
    const amax = amaxOf(rows, headDim)
    const factor = f32x4.splat(codeFactor(amax, 127))
    store<f32>(page + keyScalesOffset(headDim) + slot * 4, codeScale(amax, 127))
    let to = page + (slot >> 3) * keyPanelBytes(headDim) + (slot & 7) * 2
    for (let c = 0; c < headDim; c += 4, to += 32) {
      const codes = bytesOf(codesOf(v128.load(rows + (<usize>c << 2)), factor))
      v128.store16_lane(to, codes, 0)
      if (c + 2 < headDim) v128.store16_lane(to, codes, 1, 16)
    }
  }
}

function codeValues(rows: usize, page: usize, slot: usize, kvHeads: i32, headDim: i32, headStride: usize): void {
  for (let h = 0; h < kvHeads; h++, rows += headStride, page += kvHeadBytes(headDim)) {
    const amax = amaxOf(rows, headDim)
    const factor = f32x4.splat(codeFactor(amax, 127))
    store<f32>(page + valueScalesOffset(headDim) + slot * 4, codeScale(amax, 127))
    const to = page + valuesOffset(headDim) + (slot >> 1) * 16 + (slot & 1)
    for (let c = 0; c < headDim; c += 4) {
      const codes = bytesOf(codesOf(v128.load(rows + (<usize>c << 2)), factor))
      const p = to + <usize>(c >> 3) * VALUE_PANEL_BYTES + <usize>(c & 4) * 2
      v128.store8_lane(p, codes, 0)
      v128.store8_lane(p, codes, 1, 2)
      v128.store8_lane(p, codes, 2, 4)
      v128.store8_lane(p, codes, 3, 6)
    }
  }
}

@inline function bytesOf(codes: v128): v128 {
  const words = i16x8.narrow_i32x4_s(codes, codes)
  return i8x16.narrow_i16x8_s(words, words)
}
