import { isNested } from './static.ts'

/**
 * Exact integer dots of weight codes with int8 activations; a lane is a row. scripts/build-wasm.mjs builds every kernel once for each
 * form and sets DOT; all give the same integers (SPEC NU3):
 * VNNI     i32x4, one sum a row, by the relaxed dot with codes of 8 bits. Exact only where the machine multiplies unsigned by signed
 *          bytes and adds in 32 bits, which the standard does not promise: for machines that passed the probe (wasm/src/probe.ts).
 * RELAXED  i32x4, by the relaxed dot with codes of 4 bits: the operand that must be 7-bit is, so the result is defined.
 * I16      i16x8, two sums a row: columns c % 4 < 2 and c % 4 ≥ 2, by the relaxed 16-bit dot. A sum of 16 products x·(code − 8) is within
 *          ±16256; on the way there it may wrap, which does no harm since additions modulo 2^16 commute.
 * PLAIN    the same sums without relaxed instructions.
 * Named after what they do to an accumulator: begin → dot4 … → total.
 */
@inline const VNNI = 0
@inline const RELAXED = 1
@inline const I16 = 2

/** Whether a weight has two planes whose nibbles become one code of 8 bits; or, where they do not, each plane has a sum of its own. */
@inline export function isJoined<W>(): bool { return isNested<W>() && DOT == VNNI }
@inline export function isSplit<W>(): bool { return isNested<W>() && DOT != VNNI }

/** Words 0…3 of `v` in every lane. A shuffle, not a splat load: workerd checks bounds at every load. */
@inline export function word0(v: v128): v128 { return v128.shuffle<i32>(v, v, 0, 0, 0, 0) }
@inline export function word1(v: v128): v128 { return v128.shuffle<i32>(v, v, 1, 1, 1, 1) }
@inline export function word2(v: v128): v128 { return v128.shuffle<i32>(v, v, 2, 2, 2, 2) }
@inline export function word3(v: v128): v128 { return v128.shuffle<i32>(v, v, 3, 3, 3, 3) }

/**
 * The codes of columns 0–3 of each row in a vector of nibbles; 16·h + l where they are joined, else h alone. `mask`: i8x16.splat(15), kept in a
 * register by the caller.
 */
@inline export function low<W>(h: v128, l: v128, mask: v128): v128 {
  return isJoined<W>() ? v128.bitselect(l, i16x8.shl(h, 4), mask) : v128.and(h, mask)
}

/** The codes of columns 4–7. By 16-bit shifts: there is no 8-bit shift on x86, V8 makes one of four instructions. */
@inline export function high<W>(h: v128, l: v128, mask: v128): v128 {
  return isJoined<W>() ? v128.bitselect(i16x8.shr_u(l, 4), h, mask) : v128.and(i16x8.shr_u(h, 4), mask)
}

/** The word of an x record's tail (its bytes 32…47) that a sum begins with: −8·Σx, as one i32 or as two i16. */
@inline export function zeroPoint(tail: v128): v128 { return DOT <= RELAXED ? word1(tail) : word2(tail) }

/** A block's first value, the share of the zero point: −8·Σx, of joined codes −136·Σx. */
@inline export function begin<W>(zero: v128): v128 { return isJoined<W>() ? i32x4.add(i32x4.shl(zero, 4), zero) : zero }

/** d + codes · x over 4 columns of 4 rows. `x`: those columns' int8 in every lane. */
@inline export function dot4(d: v128, codes: v128, x: v128): v128 {
  if (DOT <= RELAXED) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, codes, d)
  if (DOT == I16) return i16x8.add(d, i16x8.relaxed_dot_i8x16_i7x16_s(x, codes))
  const even = i16x8.mul(i16x8.shr_s(i16x8.shl(x, 8), 8), v128.and(codes, i16x8.splat(255)))
  const odd = i16x8.mul(i16x8.shr_s(x, 8), i16x8.shr_u(codes, 8))
  return i16x8.add(d, i16x8.add(even, odd))
}

/** dot4 over 8 columns of 4 rows; d as it is where it is not `used`. */
@inline export function dot8(used: bool, d: v128, a: v128, b: v128, xLow: v128, xHigh: v128): v128 {
  return used ? dot4(dot4(d, a, xLow), b, xHigh) : d
}

/** The i32 sum of each row. */
@inline export function total(d: v128): v128 { return DOT <= RELAXED ? d : i32x4.extadd_pairwise_i16x8_s(d) }

/** Scales of rows 0–3 of a record, from the vector of its 8 scales; rows 4–7 use that vector as it is (docs/design/pack-layout.md). */
@inline export function scales0to3(scales: v128): v128 { return i32x4.shl(scales, 16) }

/** f + sum · (xScale · wScale): multiply, then add, never fused, so every CPU and every build rounds alike. */
@inline export function addScaled(f: v128, sum: v128, xScale: v128, wScale: v128): v128 {
  return f32x4.add(f, f32x4.mul(f32x4.convert_i32x4_s(sum), f32x4.mul(xScale, wScale)))
}
