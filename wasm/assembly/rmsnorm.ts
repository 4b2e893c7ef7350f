import { sumLanes } from './inline/lanes.ts'

/**
 * y[t] = w · x[t] / sqrt(mean(x[t]²) + eps) for each of `count` rows of n floats; w is the same for all rows, so with one row a head
 * this is the norm of each head. y may be x. Strides in bytes.
 * n is rounded up to 4: x is padded with zeros at least to there, and so is y then. The mean is over n.
 * Order: two vectors sum the squares of columns c % 8 < 4 and c % 8 ≥ 4, columns ascending; then first + second, then the lanes
 * (sumLanes). y = (x · r) · w with r = 1 / sqrt(…).
 */
export function rmsnorm(x: usize, w: usize, y: usize, n: i32, eps: f32, count: i32, xStride: usize, yStride: usize): void {
  const bytes = <usize>((n + 3) & ~3) << 2
  const even = bytes & ~31
  for (let t = 0; t < count; t++, x += xStride, y += yStride) {
    let first = f32x4.splat(0), second = first
    for (let i: usize = 0; i < even; i += 32) {
      const a = v128.load(x + i), b = v128.load(x + i, 16)
      first = f32x4.add(first, f32x4.mul(a, a))
      second = f32x4.add(second, f32x4.mul(b, b))
    }
    if (even < bytes) {
      const a = v128.load(x + even)
      first = f32x4.add(first, f32x4.mul(a, a))
    }
    const sum = sumLanes(f32x4.add(first, second))
    const r = f32x4.splat(<f32>1 / sqrt<f32>(sum / <f32>n + eps))
    for (let i: usize = 0; i < bytes; i += 16) v128.store(y + i, f32x4.mul(f32x4.mul(v128.load(x + i), r), v128.load(w + i)))
  }
}
