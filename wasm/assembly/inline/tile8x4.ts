import { HI_RECORD_BYTES, LO_RECORD_BYTES } from '../../../shared/core/records.ts'
import { addScaled, begin, dot4, high, isJoined, isSplit, low, scales0to3, total, word0, word1, word2, word3 } from './dot.ts'
import { hasFourth, isNested } from './static.ts'
import { plane, storeRows } from './tile16.ts'
import { X_TILE_BYTES } from './x-tile.ts'

/**
 * 8 rows × 3 or 4 tokens: one record group, and activations interleaved (x-tile.ts). hi, lo, y: as tile16.
 * dtr, str, ftr: integer sums of a plane and of both, and real sums, of token t, rows 4r…4r+3.
 */
export function tile8x4<W, T>(hi: usize, lo: usize, x: usize, y: usize, yStride: usize, blocks: usize): void {
  const mask = i8x16.splat(15)
  const xEnd = x + blocks * X_TILE_BYTES
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  for (; x < xEnd; x += X_TILE_BYTES) {
    let s00 = i32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
    let p = hi, first = isSplit<W>()
    for (;;) {
      const zero = begin<W>(v128.load(x, 144))
      let d00 = word0(zero), d01 = d00, d10 = word1(zero), d11 = d10, d20 = word2(zero), d21 = d20, d30 = word3(zero), d31 = d30
      // columns 0–7
      let h0 = v128.load(p), h1 = v128.load(p, 16)
      let l0 = isJoined<W>() ? v128.load(lo) : h0, l1 = isJoined<W>() ? v128.load(lo, 16) : h1
      let a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(x), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs)
      if (hasFourth<T>()) d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(x, 16), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs)
      if (hasFourth<T>()) d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 8–15
      h0 = v128.load(p, 32), h1 = v128.load(p, 48)
      l0 = isJoined<W>() ? v128.load(lo, 32) : h0, l1 = isJoined<W>() ? v128.load(lo, 48) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(x, 32), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs)
      if (hasFourth<T>()) d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(x, 48), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs)
      if (hasFourth<T>()) d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 16–23
      h0 = v128.load(p, 64), h1 = v128.load(p, 80)
      l0 = isJoined<W>() ? v128.load(lo, 64) : h0, l1 = isJoined<W>() ? v128.load(lo, 80) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(x, 64), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs)
      if (hasFourth<T>()) d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(x, 80), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs)
      if (hasFourth<T>()) d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 24–31
      h0 = v128.load(p, 96), h1 = v128.load(p, 112)
      l0 = isJoined<W>() ? v128.load(lo, 96) : h0, l1 = isJoined<W>() ? v128.load(lo, 112) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(x, 96), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs)
      if (hasFourth<T>()) d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(x, 112), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs)
      if (hasFourth<T>()) d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      if (!isSplit<W>()) {
        s00 = total(d00), s01 = total(d01), s10 = total(d10), s11 = total(d11), s20 = total(d20), s21 = total(d21), s30 = total(d30), s31 = total(d31)
        break
      }
      s00 = plane(s00, d00), s01 = plane(s01, d01), s10 = plane(s10, d10), s11 = plane(s11, d11)
      s20 = plane(s20, d20), s21 = plane(s21, d21), s30 = plane(s30, d30), s31 = plane(s31, d31)
      if (!first) break
      first = false, p = lo
    }
    const w1 = v128.load(hi, 128), w0 = scales0to3(w1)
    const xScales = v128.load(x, 128)
    let xScale = word0(xScales)
    f00 = addScaled(f00, s00, xScale, w0), f01 = addScaled(f01, s01, xScale, w1), xScale = word1(xScales)
    f10 = addScaled(f10, s10, xScale, w0), f11 = addScaled(f11, s11, xScale, w1), xScale = word2(xScales)
    f20 = addScaled(f20, s20, xScale, w0), f21 = addScaled(f21, s21, xScale, w1), xScale = word3(xScales)
    if (hasFourth<T>()) f30 = addScaled(f30, s30, xScale, w0), f31 = addScaled(f31, s31, xScale, w1)
    hi += HI_RECORD_BYTES
    if (isNested<W>()) lo += LO_RECORD_BYTES
  }
  storeRows<W>(y, f00, f01)
  storeRows<W>(y + yStride, f10, f11)
  storeRows<W>(y + 2 * yStride, f20, f21)
  if (hasFourth<T>()) storeRows<W>(y + 3 * yStride, f30, f31)
}
