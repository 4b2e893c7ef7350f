import { sumLanes } from './inline/lanes.ts'

/**
 * Plain f32 rows. n counts floats and is rounded up to 4: rows are padded with zeros at least to there, and the padding stays zero.
 * Strides in bytes.
 */

/** y[t] += b for each of `count` rows: a bias. */
export function add_rows(y: usize, b: usize, n: i32, count: i32, yStride: usize): void {
  const bytes = rowBytes(n)
  for (let t = 0; t < count; t++, y += yStride) {
    for (let i: usize = 0; i < bytes; i += 16) v128.store(y + i, f32x4.add(v128.load(y + i), v128.load(b + i)))
  }
}

/** y += s · x, multiplied, then added. */
export function axpy(y: usize, x: usize, s: f32, n: i32): void {
  const factor = f32x4.splat(s)
  const bytes = rowBytes(n)
  for (let i: usize = 0; i < bytes; i += 16) v128.store(y + i, f32x4.add(v128.load(y + i), f32x4.mul(factor, v128.load(x + i))))
}

/** y *= s. */
export function scale_row(y: usize, s: f32, n: i32): void {
  const factor = f32x4.splat(s)
  const bytes = rowBytes(n)
  for (let i: usize = 0; i < bytes; i += 16) v128.store(y + i, f32x4.mul(v128.load(y + i), factor))
}

/** y = y limited to ± limit, limit > 0. */
export function clamp_row(y: usize, limit: f32, n: i32): void {
  const upper = f32x4.splat(limit)
  const lower = f32x4.splat(-limit)
  const bytes = rowBytes(n)
  for (let i: usize = 0; i < bytes; i += 16) v128.store(y + i, f32x4.max(lower, f32x4.min(upper, v128.load(y + i))))
}

/** Σ a·b. Order: lane l sums the columns c % 4 = l ascending, then the lanes (sumLanes). */
export function dot_f32(a: usize, b: usize, n: i32): f32 {
  let sum = f32x4.splat(0)
  const bytes = rowBytes(n)
  for (let i: usize = 0; i < bytes; i += 16) sum = f32x4.add(sum, f32x4.mul(v128.load(a + i), v128.load(b + i)))
  return sumLanes(sum)
}

@inline function rowBytes(n: i32): usize { return <usize>((n + 3) & ~3) << 2 }
