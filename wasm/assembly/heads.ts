import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'

/** One token's heads. headStride: bytes from one head to the next, headDim floats rounded up to 4; the padding lanes are zero. */

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

/**
 * Stores one token's keys and values at position `slot` of a page.
 * k, v  [kvHeads] rows of headStride bytes. page  one layer's part: keys [kvHeads][16][headStride], then values likewise.
 */
export function store_kv(k: usize, v: usize, page: usize, slot: i32, kvHeads: i32, headStride: usize): void {
  const headBytes = headStride * KV_PAGE_POSITIONS
  const values = <usize>kvHeads * headBytes
  let to = page + <usize>slot * headStride
  for (let h = 0; h < kvHeads; h++, to += headBytes) {
    const from = <usize>h * headStride
    memory.copy(to, k + from, headStride)
    memory.copy(to + values, v + from, headStride)
  }
}
