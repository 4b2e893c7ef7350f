import { sigmoidLanes } from './inline/exp.ts'

/**
 * out[t] = silu(gate[t]) · up[t] for `count` rows of n floats, silu(g) = g · sigmoid(g). out may be gate or up. Strides in bytes.
 * n is rounded up to 4: rows are padded with zeros at least to there, and the padding stays zero.
 */
export function silu_mul(gate: usize, up: usize, out: usize, n: i32, count: i32, gateStride: usize, upStride: usize, outStride: usize): void {
  const bytes = <usize>((n + 3) & ~3) << 2
  for (let t = 0; t < count; t++, gate += gateStride, up += upStride, out += outStride) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const g = v128.load(gate + i)
      v128.store(out + i, f32x4.mul(f32x4.mul(g, sigmoidLanes(g)), v128.load(up + i)))
    }
  }
}

/** 1 / (1 + e^−x), with the bits of a vector's lane. */
export function sigmoid(x: f32): f32 {
  return f32x4.extract_lane(sigmoidLanes(f32x4.splat(x)), 0)
}
