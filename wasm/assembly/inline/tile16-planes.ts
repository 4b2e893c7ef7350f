import { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES } from '../../../shared/core/records.ts'
import { addScaled, begin, dot4, high, isJoined, low, scales0to3, total, word0, word1, word2, word3, zeroPoint } from './dot.ts'
import { Q4, Q8 } from './static.ts'
import { storeRows } from './tile16.ts'

/**
 * 16 rows × 1 token of nested 8-bit weights: tile16 where it is cheaper to give both planes sums of their own than to join their codes.
 * dr, er, fr: integer sums that count once and sixteen times, and real sums, of rows 4r…4r+3 of both groups.
 */
export function tile16_planes(hi: usize, lo: usize, apart: usize, x: usize, y: usize, blocks: usize): void {
  const mask = i8x16.splat(15)
  const xEnd = x + blocks * X_RECORD_BYTES
  let hj = hi + apart * blocks * HI_RECORD_BYTES, lj = lo + apart * blocks * LO_RECORD_BYTES
  let f0 = f32x4.splat(0), f1 = f0, f2 = f0, f3 = f0
  for (; x < xEnd; x += X_RECORD_BYTES) {
    const tail = v128.load(x, 32)
    let d0 = begin<Q8>(zeroPoint(tail)), d1 = d0, d2 = d0, d3 = d0
    let e0 = isJoined<Q8>() ? i32x4.splat(0) : d0, e1 = e0, e2 = e0, e3 = e0
    // columns 0–7
    let xs = v128.load(x), u = word0(xs), v = word1(xs)
    let h = v128.load(hi), l = v128.load(lo)
    e0 = addHi(e0, h, u, v, mask), d0 = addLo(d0, h, l, u, v, mask)
    h = v128.load(hi, 16), l = v128.load(lo, 16)
    e1 = addHi(e1, h, u, v, mask), d1 = addLo(d1, h, l, u, v, mask)
    h = v128.load(hj), l = v128.load(lj)
    e2 = addHi(e2, h, u, v, mask), d2 = addLo(d2, h, l, u, v, mask)
    h = v128.load(hj, 16), l = v128.load(lj, 16)
    e3 = addHi(e3, h, u, v, mask), d3 = addLo(d3, h, l, u, v, mask)
    // columns 8–15
    u = word2(xs), v = word3(xs)
    h = v128.load(hi, 32), l = v128.load(lo, 32)
    e0 = addHi(e0, h, u, v, mask), d0 = addLo(d0, h, l, u, v, mask)
    h = v128.load(hi, 48), l = v128.load(lo, 48)
    e1 = addHi(e1, h, u, v, mask), d1 = addLo(d1, h, l, u, v, mask)
    h = v128.load(hj, 32), l = v128.load(lj, 32)
    e2 = addHi(e2, h, u, v, mask), d2 = addLo(d2, h, l, u, v, mask)
    h = v128.load(hj, 48), l = v128.load(lj, 48)
    e3 = addHi(e3, h, u, v, mask), d3 = addLo(d3, h, l, u, v, mask)
    // columns 16–23
    xs = v128.load(x, 16), u = word0(xs), v = word1(xs)
    h = v128.load(hi, 64), l = v128.load(lo, 64)
    e0 = addHi(e0, h, u, v, mask), d0 = addLo(d0, h, l, u, v, mask)
    h = v128.load(hi, 80), l = v128.load(lo, 80)
    e1 = addHi(e1, h, u, v, mask), d1 = addLo(d1, h, l, u, v, mask)
    h = v128.load(hj, 64), l = v128.load(lj, 64)
    e2 = addHi(e2, h, u, v, mask), d2 = addLo(d2, h, l, u, v, mask)
    h = v128.load(hj, 80), l = v128.load(lj, 80)
    e3 = addHi(e3, h, u, v, mask), d3 = addLo(d3, h, l, u, v, mask)
    // columns 24–31
    u = word2(xs), v = word3(xs)
    h = v128.load(hi, 96), l = v128.load(lo, 96)
    e0 = addHi(e0, h, u, v, mask), d0 = addLo(d0, h, l, u, v, mask)
    h = v128.load(hi, 112), l = v128.load(lo, 112)
    e1 = addHi(e1, h, u, v, mask), d1 = addLo(d1, h, l, u, v, mask)
    h = v128.load(hj, 96), l = v128.load(lj, 96)
    e2 = addHi(e2, h, u, v, mask), d2 = addLo(d2, h, l, u, v, mask)
    h = v128.load(hj, 112), l = v128.load(lj, 112)
    e3 = addHi(e3, h, u, v, mask), d3 = addLo(d3, h, l, u, v, mask)
    const xScale = word0(tail)
    let scales = v128.load(hi, 128)
    f0 = addScaled(f0, sum(e0, d0), xScale, scales0to3(scales))
    f1 = addScaled(f1, sum(e1, d1), xScale, scales)
    scales = v128.load(hj, 128)
    f2 = addScaled(f2, sum(e2, d2), xScale, scales0to3(scales))
    f3 = addScaled(f3, sum(e3, d3), xScale, scales)
    hi += HI_RECORD_BYTES, hj += HI_RECORD_BYTES, lo += LO_RECORD_BYTES, lj += LO_RECORD_BYTES
  }
  storeRows<Q8>(y, f0, f1)
  storeRows<Q8>(y + apart * 32, f2, f3)
}

/** The hi plane's codes; where bytes may have 8 bits, only those of the lower nibbles: the upper ones are 16·code as they stand. */
@inline function addHi(e: v128, h: v128, u: v128, v: v128, mask: v128): v128 {
  const d = dot4(e, low<Q4>(h, h, mask), u)
  return isJoined<Q8>() ? d : dot4(d, high<Q4>(h, h, mask), v)
}

/** The lo plane's codes, and what addHi left. */
@inline function addLo(d: v128, h: v128, l: v128, u: v128, v: v128, mask: v128): v128 {
  const e = dot4(dot4(d, low<Q4>(l, l, mask), u), high<Q4>(l, l, mask), v)
  return isJoined<Q8>() ? dot4(e, v128.andnot(h, mask), v) : e
}

@inline function sum(e: v128, d: v128): v128 { return i32x4.add(i32x4.shl(total(e), 4), total(d)) }
