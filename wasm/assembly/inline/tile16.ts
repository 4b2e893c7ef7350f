import { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES } from '../../../shared/core/records.ts'
import { addScaled, begin, dot8, high, isJoined, isSplit, low, scales0to3, total, word0, word1, word2, word3, zeroPoint } from './dot.ts'
import { hasSecond, isNested } from './static.ts'

/**
 * 16 rows × 1 or 2 tokens: two record groups of 8 rows, `apart` groups apart, so that weights come in two streams.
 * hi, lo  the first group's planes; q4 has no lo. x  records, xStride bytes a token. y  f32 of the first group, yStride bytes a token.
 * dtr, str, ftr: integer sums of a plane and of both, and real sums, of token t, rows 4r…4r+3 of both groups.
 */
export function tile16<W, T>(
  hi: usize, lo: usize, apart: usize, x0: usize, xStride: usize, y: usize, yStride: usize, blocks: usize,
): void {
  const mask = i8x16.splat(15)
  const yApart = apart * 32
  const xEnd = x0 + blocks * X_RECORD_BYTES
  let x1 = x0 + xStride
  let hj = hi + apart * blocks * HI_RECORD_BYTES, lj = lo + apart * blocks * LO_RECORD_BYTES
  let f00 = f32x4.splat(0), f01 = f00, f02 = f00, f03 = f00
  let f10 = f00, f11 = f00, f12 = f00, f13 = f00
  for (; x0 < xEnd; x0 += X_RECORD_BYTES) {
    let s00 = i32x4.splat(0), s01 = s00, s02 = s00, s03 = s00
    let s10 = s00, s11 = s00, s12 = s00, s13 = s00
    let p = hi, q = hj, first = isSplit<W>()
    for (;;) {
      let d00 = begin<W>(zeroPoint(v128.load(x0, 32))), d01 = d00, d02 = d00, d03 = d00
      let d10 = hasSecond<T>() ? begin<W>(zeroPoint(v128.load(x1, 32))) : d00, d11 = d10, d12 = d10, d13 = d10
      // columns 0–7
      let xs = v128.load(x0), u0 = word0(xs), v0 = word1(xs), u1 = u0, v1 = v0
      if (hasSecond<T>()) xs = v128.load(x1), u1 = word0(xs), v1 = word1(xs)
      let h = v128.load(p), l = isJoined<W>() ? v128.load(lo) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d00 = dot8(true, d00, a, b, u0, v0), d10 = dot8(hasSecond<T>(), d10, a, b, u1, v1)
      h = v128.load(p, 16), l = isJoined<W>() ? v128.load(lo, 16) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d01 = dot8(true, d01, a, b, u0, v0), d11 = dot8(hasSecond<T>(), d11, a, b, u1, v1)
      h = v128.load(q), l = isJoined<W>() ? v128.load(lj) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d02 = dot8(true, d02, a, b, u0, v0), d12 = dot8(hasSecond<T>(), d12, a, b, u1, v1)
      h = v128.load(q, 16), l = isJoined<W>() ? v128.load(lj, 16) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d03 = dot8(true, d03, a, b, u0, v0), d13 = dot8(hasSecond<T>(), d13, a, b, u1, v1)
      // columns 8–15
      xs = v128.load(x0), u0 = word2(xs), v0 = word3(xs)
      if (hasSecond<T>()) xs = v128.load(x1), u1 = word2(xs), v1 = word3(xs)
      h = v128.load(p, 32), l = isJoined<W>() ? v128.load(lo, 32) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d00 = dot8(true, d00, a, b, u0, v0), d10 = dot8(hasSecond<T>(), d10, a, b, u1, v1)
      h = v128.load(p, 48), l = isJoined<W>() ? v128.load(lo, 48) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d01 = dot8(true, d01, a, b, u0, v0), d11 = dot8(hasSecond<T>(), d11, a, b, u1, v1)
      h = v128.load(q, 32), l = isJoined<W>() ? v128.load(lj, 32) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d02 = dot8(true, d02, a, b, u0, v0), d12 = dot8(hasSecond<T>(), d12, a, b, u1, v1)
      h = v128.load(q, 48), l = isJoined<W>() ? v128.load(lj, 48) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d03 = dot8(true, d03, a, b, u0, v0), d13 = dot8(hasSecond<T>(), d13, a, b, u1, v1)
      // columns 16–23
      xs = v128.load(x0, 16), u0 = word0(xs), v0 = word1(xs)
      if (hasSecond<T>()) xs = v128.load(x1, 16), u1 = word0(xs), v1 = word1(xs)
      h = v128.load(p, 64), l = isJoined<W>() ? v128.load(lo, 64) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d00 = dot8(true, d00, a, b, u0, v0), d10 = dot8(hasSecond<T>(), d10, a, b, u1, v1)
      h = v128.load(p, 80), l = isJoined<W>() ? v128.load(lo, 80) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d01 = dot8(true, d01, a, b, u0, v0), d11 = dot8(hasSecond<T>(), d11, a, b, u1, v1)
      h = v128.load(q, 64), l = isJoined<W>() ? v128.load(lj, 64) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d02 = dot8(true, d02, a, b, u0, v0), d12 = dot8(hasSecond<T>(), d12, a, b, u1, v1)
      h = v128.load(q, 80), l = isJoined<W>() ? v128.load(lj, 80) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d03 = dot8(true, d03, a, b, u0, v0), d13 = dot8(hasSecond<T>(), d13, a, b, u1, v1)
      // columns 24–31
      xs = v128.load(x0, 16), u0 = word2(xs), v0 = word3(xs)
      if (hasSecond<T>()) xs = v128.load(x1, 16), u1 = word2(xs), v1 = word3(xs)
      h = v128.load(p, 96), l = isJoined<W>() ? v128.load(lo, 96) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d00 = dot8(true, d00, a, b, u0, v0), d10 = dot8(hasSecond<T>(), d10, a, b, u1, v1)
      h = v128.load(p, 112), l = isJoined<W>() ? v128.load(lo, 112) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d01 = dot8(true, d01, a, b, u0, v0), d11 = dot8(hasSecond<T>(), d11, a, b, u1, v1)
      h = v128.load(q, 96), l = isJoined<W>() ? v128.load(lj, 96) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d02 = dot8(true, d02, a, b, u0, v0), d12 = dot8(hasSecond<T>(), d12, a, b, u1, v1)
      h = v128.load(q, 112), l = isJoined<W>() ? v128.load(lj, 112) : h, a = low<W>(h, l, mask), b = high<W>(h, l, mask)
      d03 = dot8(true, d03, a, b, u0, v0), d13 = dot8(hasSecond<T>(), d13, a, b, u1, v1)
      if (!isSplit<W>()) {
        s00 = total(d00), s01 = total(d01), s02 = total(d02), s03 = total(d03)
        if (hasSecond<T>()) s10 = total(d10), s11 = total(d11), s12 = total(d12), s13 = total(d13)
        break
      }
      s00 = plane(s00, d00), s01 = plane(s01, d01), s02 = plane(s02, d02), s03 = plane(s03, d03)
      if (hasSecond<T>()) s10 = plane(s10, d10), s11 = plane(s11, d11), s12 = plane(s12, d12), s13 = plane(s13, d13)
      if (!first) break
      first = false, p = lo, q = lj
    }
    const w1 = v128.load(hi, 128), w0 = scales0to3(w1), w3 = v128.load(hj, 128), w2 = scales0to3(w3)
    let xScale = word0(v128.load(x0, 32))
    f00 = addScaled(f00, s00, xScale, w0), f01 = addScaled(f01, s01, xScale, w1), f02 = addScaled(f02, s02, xScale, w2), f03 = addScaled(f03, s03, xScale, w3)
    if (hasSecond<T>()) {
      xScale = word0(v128.load(x1, 32))
      f10 = addScaled(f10, s10, xScale, w0), f11 = addScaled(f11, s11, xScale, w1), f12 = addScaled(f12, s12, xScale, w2), f13 = addScaled(f13, s13, xScale, w3)
      x1 += X_RECORD_BYTES
    }
    hi += HI_RECORD_BYTES, hj += HI_RECORD_BYTES
    if (isNested<W>()) lo += LO_RECORD_BYTES, lj += LO_RECORD_BYTES
  }
  storeRows<W>(y, f00, f01), storeRows<W>(y + yApart, f02, f03)
  if (hasSecond<T>()) storeRows<W>(y + yStride, f10, f11), storeRows<W>(y + yStride + yApart, f12, f13)
}

/** The sum with one more plane: 16 times the hi plane's, plus the lo plane's. */
@inline export function plane(sum: v128, d: v128): v128 { return i32x4.add(i32x4.shl(sum, 4), total(d)) }

/** 8 rows; nested weights are in sixteenths: a power of two is exact anywhere, so it comes last. */
@inline export function storeRows<W>(y: usize, first: v128, second: v128): void {
  v128.store(y, isNested<W>() ? f32x4.mul(first, f32x4.splat(0.0625)) : first)
  v128.store(y, isNested<W>() ? f32x4.mul(second, f32x4.splat(0.0625)) : second, 16)
}
