import { X_RECORD_BYTES, ZERO_BLOCK_BELOW } from '../../shared/core/records.ts'
import { maxLanes } from './inline/lanes.ts'

/**
 * The int8 records of `tokens` rows of `cols` floats, cols % 32 = 0; with the bits of quantizeActivations (shared/core/activations.ts),
 * which says the format. Strides in bytes.
 */
export function quantize_rows(x: usize, out: usize, cols: i32, tokens: i32, xStride: usize, outStride: usize): void {
  const blocks = cols >> 5
  for (let t = 0; t < tokens; t++, x += xStride, out += outStride) {
    for (let b: usize = 0; b < <usize>blocks; b++) quantizeBlock(x + b * 128, out + b * X_RECORD_BYTES)
  }
}

@inline function quantizeBlock(x: usize, record: usize): void {
  let amax = f32x4.abs(v128.load(x))
  for (let i: usize = 16; i < 128; i += 16) amax = f32x4.max(amax, f32x4.abs(v128.load(x + i)))
  const largest = maxLanes(amax)
  const zero = largest < <f32>ZERO_BLOCK_BELOW
  const scale = zero ? <f32>0 : largest / <f32>127
  const inverse = f32x4.splat(zero ? <f32>0 : <f32>127 / largest)
  const first = i8x16.narrow_i16x8_s(codes(x, inverse), codes(x + 32, inverse))
  const second = i8x16.narrow_i16x8_s(codes(x + 64, inverse), codes(x + 96, inverse))
  v128.store(record, first)
  v128.store(record, second, 16)
  // Word r of `pairs` has a sum of columns c % 4 < 2 in its lower half and of c % 4 ≥ 2 in its upper half.
  const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_s(first), i16x8.extadd_pairwise_i8x16_s(second))
  const halves = i16x8.add(pairs, v128.shuffle<i32>(pairs, pairs, 2, 3, 0, 1))
  const lower = i16x8.extract_lane_s(halves, 0) + i16x8.extract_lane_s(halves, 2)
  const upper = i16x8.extract_lane_s(halves, 1) + i16x8.extract_lane_s(halves, 3)
  store<f32>(record, scale, 32)
  store<i32>(record, -8 * (<i32>lower + <i32>upper), 36)
  store<i16>(record, <i16>(-8 * <i32>lower), 40)
  store<i16>(record, <i16>(-8 * <i32>upper), 42)
  store<i32>(record, 0, 44)
}

/** Eight codes: nearest integers of x / scale, halves to even. */
@inline function codes(x: usize, inverse: v128): v128 {
  const first = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), inverse)))
  const second = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 16), inverse)))
  return i16x8.narrow_i32x4_s(first, second)
}
