import { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES } from '../../shared/core/records.ts'
import { addScaled, begin, dot4, high, low, scales0to3, total, word0, word1, word2, word3 } from './inline/dot.ts'
import { gemv_q4 } from './gemv-q4.ts'
import { gemv_q8 } from './gemv-q8.ts'

/**
 * y[tokens, rows] = x[tokens, cols] · Wᵀ; layouts and order as gemv_q4, so each token has the bits of a gemv of its own (SPEC NU2).
 * x  `xStride` bytes a token; y  `yStride` bytes a token.
 * Four tokens share each load of weights; what is left of the tokens runs through gemv.
 */
export function gemm_q4(w: usize, x: usize, y: usize, rows: i32, cols: i32, tokens: i32, xStride: usize, yStride: usize): void {
  const shared = tokens & ~3
  const groupBytes = (<usize>cols >> 5) * HI_RECORD_BYTES
  for (let group: usize = 0; group < <usize>rows >> 3; group++) {
    for (let t: usize = 0; t < <usize>shared; t += 4) {
      tile_q4(w + group * groupBytes, x + t * xStride, y + t * yStride + group * 32, cols, xStride, yStride)
    }
  }
  for (let t: usize = shared; t < <usize>tokens; t++) gemv_q4(w, x + t * xStride, y + t * yStride, rows, cols)
}

/** As gemm_q4, with the weights of gemv_q8. */
export function gemm_q8(hi: usize, lo: usize, x: usize, y: usize, rows: i32, cols: i32, tokens: i32, xStride: usize, yStride: usize): void {
  const shared = tokens & ~3
  const blocks = <usize>cols >> 5
  for (let group: usize = 0; group < <usize>rows >> 3; group++) {
    const hiGroup = hi + group * blocks * HI_RECORD_BYTES
    const loGroup = lo + group * blocks * LO_RECORD_BYTES
    for (let t: usize = 0; t < <usize>shared; t += 4) {
      tile_q8(hiGroup, loGroup, x + t * xStride, y + t * yStride + group * 32, cols, xStride, yStride)
    }
  }
  for (let t: usize = shared; t < <usize>tokens; t++) gemv_q8(hi, lo, x + t * xStride, y + t * yStride, rows, cols)
}

function tile_q4(w: usize, x: usize, y: usize, cols: i32, xStride: usize, yStride: usize): void {
  tile(false, w, 0, x, y, cols, xStride, yStride)
}

function tile_q8(hi: usize, lo: usize, x: usize, y: usize, cols: i32, xStride: usize, yStride: usize): void {
  tile(true, hi, lo, x, y, cols, xStride, yStride)
}

/** 8 rows × 4 tokens. dtr, ftr: integer and real sums of token t, rows 4r…4r+3. `nested` is known when this is compiled. */
@inline function tile(nested: bool, hi: usize, lo: usize, x0: usize, y: usize, cols: i32, xStride: usize, yStride: usize): void {
  const mask = i8x16.splat(15)
  const xEnd = x0 + (<usize>cols >> 5) * X_RECORD_BYTES
  let x1 = x0 + xStride, x2 = x1 + xStride, x3 = x2 + xStride
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  for (; x0 < xEnd; x0 += X_RECORD_BYTES) {
    let s00 = i32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
    for (let plane = hi, planes = nested ? 2 : 1; planes > 0; plane = lo, planes--) {
      let d00 = begin(v128.load(x0, 32)), d01 = d00
      let d10 = begin(v128.load(x1, 32)), d11 = d10
      let d20 = begin(v128.load(x2, 32)), d21 = d20
      let d30 = begin(v128.load(x3, 32)), d31 = d30
      // columns 0–7
      let q = v128.load(plane), a = low(q, mask), b = high(q, mask)
      q = v128.load(plane, 16)
      let c = low(q, mask), e = high(q, mask)
      let xs = v128.load(x0), u = word0(xs), v = word1(xs)
      d00 = dot4(dot4(d00, a, u), b, v), d01 = dot4(dot4(d01, c, u), e, v)
      xs = v128.load(x1), u = word0(xs), v = word1(xs)
      d10 = dot4(dot4(d10, a, u), b, v), d11 = dot4(dot4(d11, c, u), e, v)
      xs = v128.load(x2), u = word0(xs), v = word1(xs)
      d20 = dot4(dot4(d20, a, u), b, v), d21 = dot4(dot4(d21, c, u), e, v)
      xs = v128.load(x3), u = word0(xs), v = word1(xs)
      d30 = dot4(dot4(d30, a, u), b, v), d31 = dot4(dot4(d31, c, u), e, v)
      // columns 8–15
      q = v128.load(plane, 32), a = low(q, mask), b = high(q, mask)
      q = v128.load(plane, 48), c = low(q, mask), e = high(q, mask)
      xs = v128.load(x0), u = word2(xs), v = word3(xs)
      d00 = dot4(dot4(d00, a, u), b, v), d01 = dot4(dot4(d01, c, u), e, v)
      xs = v128.load(x1), u = word2(xs), v = word3(xs)
      d10 = dot4(dot4(d10, a, u), b, v), d11 = dot4(dot4(d11, c, u), e, v)
      xs = v128.load(x2), u = word2(xs), v = word3(xs)
      d20 = dot4(dot4(d20, a, u), b, v), d21 = dot4(dot4(d21, c, u), e, v)
      xs = v128.load(x3), u = word2(xs), v = word3(xs)
      d30 = dot4(dot4(d30, a, u), b, v), d31 = dot4(dot4(d31, c, u), e, v)
      // columns 16–23
      q = v128.load(plane, 64), a = low(q, mask), b = high(q, mask)
      q = v128.load(plane, 80), c = low(q, mask), e = high(q, mask)
      xs = v128.load(x0, 16), u = word0(xs), v = word1(xs)
      d00 = dot4(dot4(d00, a, u), b, v), d01 = dot4(dot4(d01, c, u), e, v)
      xs = v128.load(x1, 16), u = word0(xs), v = word1(xs)
      d10 = dot4(dot4(d10, a, u), b, v), d11 = dot4(dot4(d11, c, u), e, v)
      xs = v128.load(x2, 16), u = word0(xs), v = word1(xs)
      d20 = dot4(dot4(d20, a, u), b, v), d21 = dot4(dot4(d21, c, u), e, v)
      xs = v128.load(x3, 16), u = word0(xs), v = word1(xs)
      d30 = dot4(dot4(d30, a, u), b, v), d31 = dot4(dot4(d31, c, u), e, v)
      // columns 24–31
      q = v128.load(plane, 96), a = low(q, mask), b = high(q, mask)
      q = v128.load(plane, 112), c = low(q, mask), e = high(q, mask)
      xs = v128.load(x0, 16), u = word2(xs), v = word3(xs)
      d00 = dot4(dot4(d00, a, u), b, v), d01 = dot4(dot4(d01, c, u), e, v)
      xs = v128.load(x1, 16), u = word2(xs), v = word3(xs)
      d10 = dot4(dot4(d10, a, u), b, v), d11 = dot4(dot4(d11, c, u), e, v)
      xs = v128.load(x2, 16), u = word2(xs), v = word3(xs)
      d20 = dot4(dot4(d20, a, u), b, v), d21 = dot4(dot4(d21, c, u), e, v)
      xs = v128.load(x3, 16), u = word2(xs), v = word3(xs)
      d30 = dot4(dot4(d30, a, u), b, v), d31 = dot4(dot4(d31, c, u), e, v)
      s00 = join(s00, d00, nested), s01 = join(s01, d01, nested), s10 = join(s10, d10, nested), s11 = join(s11, d11, nested)
      s20 = join(s20, d20, nested), s21 = join(s21, d21, nested), s30 = join(s30, d30, nested), s31 = join(s31, d31, nested)
    }
    const s4 = v128.load(hi, 128), s0 = scales0to3(s4)
    let xScale = word0(v128.load(x0, 32))
    f00 = addScaled(f00, s00, xScale, s0), f01 = addScaled(f01, s01, xScale, s4)
    xScale = word0(v128.load(x1, 32))
    f10 = addScaled(f10, s10, xScale, s0), f11 = addScaled(f11, s11, xScale, s4)
    xScale = word0(v128.load(x2, 32))
    f20 = addScaled(f20, s20, xScale, s0), f21 = addScaled(f21, s21, xScale, s4)
    xScale = word0(v128.load(x3, 32))
    f30 = addScaled(f30, s30, xScale, s0), f31 = addScaled(f31, s31, xScale, s4)
    hi += HI_RECORD_BYTES
    if (nested) lo += LO_RECORD_BYTES
    x1 += X_RECORD_BYTES, x2 += X_RECORD_BYTES, x3 += X_RECORD_BYTES
  }
  storeRows(y, nested, f00, f01)
  storeRows(y + yStride, nested, f10, f11)
  storeRows(y + 2 * yStride, nested, f20, f21)
  storeRows(y + 3 * yStride, nested, f30, f31)
}

/** The sum with one more plane: 16 times the hi plane's, plus the lo plane's. */
@inline function join(sum: v128, d: v128, nested: bool): v128 { return nested ? i32x4.add(i32x4.shl(sum, 4), total(d)) : total(d) }

@inline function storeRows(y: usize, nested: bool, first: v128, second: v128): void {
  v128.store(y, nested ? f32x4.mul(first, f32x4.splat(0.0625)) : first)
  v128.store(y, nested ? f32x4.mul(second, f32x4.splat(0.0625)) : second, 16)
}
