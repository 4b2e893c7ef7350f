import { HI_RECORD_BYTES, X_RECORD_BYTES } from '../../shared/core/records.ts'
import { addScaled, begin, dot8, scales0to3, total, word0, word1, word2, word3 } from './inline/dot.ts'

/**
 * y[rows] = W[rows, cols] · x[cols]: one token, one matrix, 4-bit weights.
 * w  records of 8 rows × 32 columns, 144 bytes: 128 of nibbles, then 8 bf16 scales; over the columns first, then row groups.
 * x  records of 32 columns, 48 bytes: 32 int8, f32 scale, i32 −8·Σx, two i16 halves of that.
 * y  f32 [rows]. rows % 16 = 0, cols % 32 = 0: the loader checks, not the kernel.
 * Order: exact integer dot inside a block, then a multiply and an add in f32 a block, blocks ascending (SPEC NU3, NU4).
 * Rows come from two places half the matrix apart: one stream of reads does not fill the memory bandwidth.
 */
export function gemv_q4(w: usize, x: usize, y: usize, rows: i32, cols: i32): void {
  const mask = i8x16.splat(15)
  const blocks = <usize>cols >> 5
  const half = <usize>rows >> 1
  const xEnd = x + blocks * X_RECORD_BYTES
  const yMiddle = y + half * 4
  let v = w + (half >> 3) * blocks * HI_RECORD_BYTES
  for (; y < yMiddle; y += 32) {
    let f0 = f32x4.splat(0), f1 = f0, f2 = f0, f3 = f0
    for (let p = x; p < xEnd; p += X_RECORD_BYTES) {
      const tail = v128.load(p, 32)
      let d0 = begin(tail), d1 = d0, d2 = d0, d3 = d0
      let xs = v128.load(p)
      let a = word0(xs), b = word1(xs)
      d0 = dot8(d0, v128.load(w), mask, a, b)
      d1 = dot8(d1, v128.load(w, 16), mask, a, b)
      d2 = dot8(d2, v128.load(v), mask, a, b)
      d3 = dot8(d3, v128.load(v, 16), mask, a, b)
      a = word2(xs), b = word3(xs)
      d0 = dot8(d0, v128.load(w, 32), mask, a, b)
      d1 = dot8(d1, v128.load(w, 48), mask, a, b)
      d2 = dot8(d2, v128.load(v, 32), mask, a, b)
      d3 = dot8(d3, v128.load(v, 48), mask, a, b)
      xs = v128.load(p, 16)
      a = word0(xs), b = word1(xs)
      d0 = dot8(d0, v128.load(w, 64), mask, a, b)
      d1 = dot8(d1, v128.load(w, 80), mask, a, b)
      d2 = dot8(d2, v128.load(v, 64), mask, a, b)
      d3 = dot8(d3, v128.load(v, 80), mask, a, b)
      a = word2(xs), b = word3(xs)
      d0 = dot8(d0, v128.load(w, 96), mask, a, b)
      d1 = dot8(d1, v128.load(w, 112), mask, a, b)
      d2 = dot8(d2, v128.load(v, 96), mask, a, b)
      d3 = dot8(d3, v128.load(v, 112), mask, a, b)
      const xScale = word0(tail)
      let scales = v128.load(w, 128)
      f0 = addScaled(f0, total(d0), xScale, scales0to3(scales))
      f1 = addScaled(f1, total(d1), xScale, scales)
      scales = v128.load(v, 128)
      f2 = addScaled(f2, total(d2), xScale, scales0to3(scales))
      f3 = addScaled(f3, total(d3), xScale, scales)
      w += HI_RECORD_BYTES
      v += HI_RECORD_BYTES
    }
    v128.store(y, f0)
    v128.store(y, f1, 16)
    v128.store(y + half * 4, f2)
    v128.store(y + half * 4, f3, 16)
  }
}
