/**
 * Exact integer dots of 4-bit weight codes with int8 activations; a lane is a row. Both forms give the same integers (SPEC NU3):
 * relaxed  i32x4, one sum a row, by the relaxed dot. Codes are at most 15, so the operand that must be 7-bit is, and the result is defined.
 * plain    i16x8, two sums a row: columns c % 4 < 2 and c % 4 ≥ 2. A sum of 16 products x·(code − 8) is within ±16256; on the way there it
 *          may wrap, which does no harm since additions modulo 2^16 commute.
 * Named after what they do to an accumulator: begin → dot4 … → total.
 */

/** Words 0…3 of `v` in every lane. A shuffle, not a splat load: workerd checks bounds at every load. */
@inline export function word0(v: v128): v128 { return v128.shuffle<i32>(v, v, 0, 0, 0, 0) }
@inline export function word1(v: v128): v128 { return v128.shuffle<i32>(v, v, 1, 1, 1, 1) }
@inline export function word2(v: v128): v128 { return v128.shuffle<i32>(v, v, 2, 2, 2, 2) }
@inline export function word3(v: v128): v128 { return v128.shuffle<i32>(v, v, 3, 3, 3, 3) }

/** The codes of columns 0–3 of each row in a vector of nibbles. `mask`: i8x16.splat(15), kept in a register by the caller. */
@inline export function low(nibbles: v128, mask: v128): v128 { return v128.and(nibbles, mask) }

/** The codes of columns 4–7. By 16-bit shifts: there is no 8-bit shift on x86, V8 makes one of four instructions. */
@inline export function high(nibbles: v128, mask: v128): v128 { return v128.and(i16x8.shr_u(nibbles, 4), mask) }

/** A block's first value: −8·Σx, the share of the zero point. `tail`: bytes 32…47 of the x record. */
@inline export function begin(tail: v128): v128 { return ASC_FEATURE_RELAXED_SIMD ? word1(tail) : word2(tail) }

/** d + codes · x over 4 columns of 4 rows. `x`: those columns' int8 in every lane. */
@inline export function dot4(d: v128, codes: v128, x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, codes, d)
  const even = i16x8.mul(i16x8.shr_s(i16x8.shl(x, 8), 8), v128.and(codes, i16x8.splat(255)))
  const odd = i16x8.mul(i16x8.shr_s(x, 8), i16x8.shr_u(codes, 8))
  return i16x8.add(d, i16x8.add(even, odd))
}

/** dot4 over both halves of a vector of nibbles: 8 columns of 4 rows. */
@inline export function dot8(d: v128, nibbles: v128, mask: v128, xLow: v128, xHigh: v128): v128 {
  return dot4(dot4(d, low(nibbles, mask), xLow), high(nibbles, mask), xHigh)
}

/** The i32 sum of each row. */
@inline export function total(d: v128): v128 { return ASC_FEATURE_RELAXED_SIMD ? d : i32x4.extadd_pairwise_i16x8_s(d) }

/** The nested 8-bit sum: 16·hi + lo. */
@inline export function nested(hi: v128, lo: v128): v128 { return i32x4.add(i32x4.shl(total(hi), 4), total(lo)) }

/** Scales of rows 0–3 of a record, from the vector of its 8 scales; rows 4–7 use that vector as it is (docs/design/pack-layout.md). */
@inline export function scales0to3(scales: v128): v128 { return i32x4.shl(scales, 16) }

/** f + sum · (xScale · wScale): multiply, then add, never fused, so every CPU and both builds round alike. */
@inline export function addScaled(f: v128, sum: v128, xScale: v128, wScale: v128): v128 {
  return f32x4.add(f, f32x4.mul(f32x4.convert_i32x4_s(sum), f32x4.mul(xScale, wScale)))
}
