import { HI_RECORD_BYTES, LO_RECORD_BYTES } from '../../../shared/core/records.ts'
import { addScaled, begin, dot4, high, isJoined, low, scales0to3, total, word0, word1, word2, word3 } from './dot.ts'
import { isNested } from './static.ts'
import { storeRows } from './tile16.ts'
import { X_TILE_BYTES } from './x-tile.ts'

/**
 * 8 rows × 8 tokens, of weights with one sum a block (not split): two x tiles, one behind the other, on each record in turn. V8 sees that
 * the second half loads and takes apart the same weights as the first, and does it once. hi, lo, y: as tile16.
 * dtr: integer sums of the half's token t, rows 4r…4r+3; ftr: real sums of token t.
 */
export function tile8x8<W>(p: usize, lo: usize, x: usize, y: usize, yStride: usize, blocks: usize): void {
  const mask = i8x16.splat(15)
  const xEnd = x + blocks * X_TILE_BYTES
  let z = xEnd
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  let f40 = f00, f41 = f00, f50 = f00, f51 = f00, f60 = f00, f61 = f00, f70 = f00, f71 = f00
  for (; x < xEnd; x += X_TILE_BYTES, z += X_TILE_BYTES) {
    { // tokens 0–3
      const zero = begin<W>(v128.load(x, 144))
      let d00 = word0(zero), d01 = d00, d10 = word1(zero), d11 = d10, d20 = word2(zero), d21 = d20, d30 = word3(zero), d31 = d30
      // columns 0–7
      let h0 = v128.load(p), h1 = v128.load(p, 16)
      let l0 = isJoined<W>() ? v128.load(lo) : h0, l1 = isJoined<W>() ? v128.load(lo, 16) : h1
      let a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(x), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(x, 16), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 8–15
      h0 = v128.load(p, 32), h1 = v128.load(p, 48)
      l0 = isJoined<W>() ? v128.load(lo, 32) : h0, l1 = isJoined<W>() ? v128.load(lo, 48) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(x, 32), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(x, 48), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 16–23
      h0 = v128.load(p, 64), h1 = v128.load(p, 80)
      l0 = isJoined<W>() ? v128.load(lo, 64) : h0, l1 = isJoined<W>() ? v128.load(lo, 80) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(x, 64), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(x, 80), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 24–31
      h0 = v128.load(p, 96), h1 = v128.load(p, 112)
      l0 = isJoined<W>() ? v128.load(lo, 96) : h0, l1 = isJoined<W>() ? v128.load(lo, 112) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(x, 96), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(x, 112), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      const w1 = v128.load(p, 128), w0 = scales0to3(w1), xScales = v128.load(x, 128)
      let xScale = word0(xScales)
      f00 = addScaled(f00, total(d00), xScale, w0), f01 = addScaled(f01, total(d01), xScale, w1), xScale = word1(xScales)
      f10 = addScaled(f10, total(d10), xScale, w0), f11 = addScaled(f11, total(d11), xScale, w1), xScale = word2(xScales)
      f20 = addScaled(f20, total(d20), xScale, w0), f21 = addScaled(f21, total(d21), xScale, w1), xScale = word3(xScales)
      f30 = addScaled(f30, total(d30), xScale, w0), f31 = addScaled(f31, total(d31), xScale, w1)
    }
    { // tokens 4–7
      const zero = begin<W>(v128.load(z, 144))
      let d00 = word0(zero), d01 = d00, d10 = word1(zero), d11 = d10, d20 = word2(zero), d21 = d20, d30 = word3(zero), d31 = d30
      // columns 0–7
      let h0 = v128.load(p), h1 = v128.load(p, 16)
      let l0 = isJoined<W>() ? v128.load(lo) : h0, l1 = isJoined<W>() ? v128.load(lo, 16) : h1
      let a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(z), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(z, 16), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 8–15
      h0 = v128.load(p, 32), h1 = v128.load(p, 48)
      l0 = isJoined<W>() ? v128.load(lo, 32) : h0, l1 = isJoined<W>() ? v128.load(lo, 48) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(z, 32), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(z, 48), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 16–23
      h0 = v128.load(p, 64), h1 = v128.load(p, 80)
      l0 = isJoined<W>() ? v128.load(lo, 64) : h0, l1 = isJoined<W>() ? v128.load(lo, 80) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(z, 64), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(z, 80), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      // columns 24–31
      h0 = v128.load(p, 96), h1 = v128.load(p, 112)
      l0 = isJoined<W>() ? v128.load(lo, 96) : h0, l1 = isJoined<W>() ? v128.load(lo, 112) : h1
      a = low<W>(h0, l0, mask), b = low<W>(h1, l1, mask), xs = v128.load(z, 96), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      a = high<W>(h0, l0, mask), b = high<W>(h1, l1, mask), xs = v128.load(z, 112), u = word0(xs)
      d00 = dot4(d00, a, u), d01 = dot4(d01, b, u), u = word1(xs), d10 = dot4(d10, a, u), d11 = dot4(d11, b, u), u = word2(xs)
      d20 = dot4(d20, a, u), d21 = dot4(d21, b, u), u = word3(xs), d30 = dot4(d30, a, u), d31 = dot4(d31, b, u)
      const w1 = v128.load(p, 128), w0 = scales0to3(w1), xScales = v128.load(z, 128)
      let xScale = word0(xScales)
      f40 = addScaled(f40, total(d00), xScale, w0), f41 = addScaled(f41, total(d01), xScale, w1), xScale = word1(xScales)
      f50 = addScaled(f50, total(d10), xScale, w0), f51 = addScaled(f51, total(d11), xScale, w1), xScale = word2(xScales)
      f60 = addScaled(f60, total(d20), xScale, w0), f61 = addScaled(f61, total(d21), xScale, w1), xScale = word3(xScales)
      f70 = addScaled(f70, total(d30), xScale, w0), f71 = addScaled(f71, total(d31), xScale, w1)
    }
    p += HI_RECORD_BYTES
    if (isNested<W>()) lo += LO_RECORD_BYTES
  }
  storeRows<W>(y, f00, f01)
  storeRows<W>(y + yStride, f10, f11)
  storeRows<W>(y + 2 * yStride, f20, f21)
  storeRows<W>(y + 3 * yStride, f30, f31)
  storeRows<W>(y + 4 * yStride, f40, f41)
  storeRows<W>(y + 5 * yStride, f50, f51)
  storeRows<W>(y + 6 * yStride, f60, f61)
  storeRows<W>(y + 7 * yStride, f70, f71)
}
