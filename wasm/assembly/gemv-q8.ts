import { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES } from '../../shared/core/records.ts'
import { addScaled, begin, dot8, nested, scales0to3, word0, word1, word2, word3 } from './inline/dot.ts'

/**
 * y[rows] = W[rows, cols] · x[cols]: one token, one matrix, nested 8-bit weights scale/16 · (16·(hi − 8) + (lo − 8)).
 * hi  the records of gemv_q4; lo records of 128 bytes, the same nibbles without scales. Else as gemv_q4.
 * Order: exact integer dots of both planes inside a block, joined as 16·hi + lo, then a multiply and an add in f32 a block, blocks
 * ascending; the 1/16 comes last, once a row: a power of two is exact anywhere.
 */
export function gemv_q8(hi: usize, lo: usize, x: usize, y: usize, rows: i32, cols: i32): void {
  const mask = i8x16.splat(15)
  const blocks = <usize>cols >> 5
  const half = <usize>rows >> 1
  const xEnd = x + blocks * X_RECORD_BYTES
  const yMiddle = y + half * 4
  let hj = hi + (half >> 3) * blocks * HI_RECORD_BYTES
  let lj = lo + (half >> 3) * blocks * LO_RECORD_BYTES
  for (; y < yMiddle; y += 32) {
    let f0 = f32x4.splat(0), f1 = f0, f2 = f0, f3 = f0
    for (let p = x; p < xEnd; p += X_RECORD_BYTES) {
      const tail = v128.load(p, 32)
      let d0 = begin(tail), d1 = d0, d2 = d0, d3 = d0
      let e0 = d0, e1 = d0, e2 = d0, e3 = d0
      let xs = v128.load(p)
      let a = word0(xs), b = word1(xs)
      d0 = dot8(d0, v128.load(hi), mask, a, b)
      e0 = dot8(e0, v128.load(lo), mask, a, b)
      d1 = dot8(d1, v128.load(hi, 16), mask, a, b)
      e1 = dot8(e1, v128.load(lo, 16), mask, a, b)
      d2 = dot8(d2, v128.load(hj), mask, a, b)
      e2 = dot8(e2, v128.load(lj), mask, a, b)
      d3 = dot8(d3, v128.load(hj, 16), mask, a, b)
      e3 = dot8(e3, v128.load(lj, 16), mask, a, b)
      a = word2(xs), b = word3(xs)
      d0 = dot8(d0, v128.load(hi, 32), mask, a, b)
      e0 = dot8(e0, v128.load(lo, 32), mask, a, b)
      d1 = dot8(d1, v128.load(hi, 48), mask, a, b)
      e1 = dot8(e1, v128.load(lo, 48), mask, a, b)
      d2 = dot8(d2, v128.load(hj, 32), mask, a, b)
      e2 = dot8(e2, v128.load(lj, 32), mask, a, b)
      d3 = dot8(d3, v128.load(hj, 48), mask, a, b)
      e3 = dot8(e3, v128.load(lj, 48), mask, a, b)
      xs = v128.load(p, 16)
      a = word0(xs), b = word1(xs)
      d0 = dot8(d0, v128.load(hi, 64), mask, a, b)
      e0 = dot8(e0, v128.load(lo, 64), mask, a, b)
      d1 = dot8(d1, v128.load(hi, 80), mask, a, b)
      e1 = dot8(e1, v128.load(lo, 80), mask, a, b)
      d2 = dot8(d2, v128.load(hj, 64), mask, a, b)
      e2 = dot8(e2, v128.load(lj, 64), mask, a, b)
      d3 = dot8(d3, v128.load(hj, 80), mask, a, b)
      e3 = dot8(e3, v128.load(lj, 80), mask, a, b)
      a = word2(xs), b = word3(xs)
      d0 = dot8(d0, v128.load(hi, 96), mask, a, b)
      e0 = dot8(e0, v128.load(lo, 96), mask, a, b)
      d1 = dot8(d1, v128.load(hi, 112), mask, a, b)
      e1 = dot8(e1, v128.load(lo, 112), mask, a, b)
      d2 = dot8(d2, v128.load(hj, 96), mask, a, b)
      e2 = dot8(e2, v128.load(lj, 96), mask, a, b)
      d3 = dot8(d3, v128.load(hj, 112), mask, a, b)
      e3 = dot8(e3, v128.load(lj, 112), mask, a, b)
      const xScale = word0(tail)
      let scales = v128.load(hi, 128)
      f0 = addScaled(f0, nested(d0, e0), xScale, scales0to3(scales))
      f1 = addScaled(f1, nested(d1, e1), xScale, scales)
      scales = v128.load(hj, 128)
      f2 = addScaled(f2, nested(d2, e2), xScale, scales0to3(scales))
      f3 = addScaled(f3, nested(d3, e3), xScale, scales)
      hi += HI_RECORD_BYTES
      lo += LO_RECORD_BYTES
      hj += HI_RECORD_BYTES
      lj += LO_RECORD_BYTES
    }
    const sixteenth = f32x4.splat(0.0625)
    v128.store(y, f32x4.mul(f0, sixteenth))
    v128.store(y, f32x4.mul(f1, sixteenth), 16)
    v128.store(y + half * 4, f32x4.mul(f2, sixteenth))
    v128.store(y + half * 4, f32x4.mul(f3, sixteenth), 16)
  }
}
