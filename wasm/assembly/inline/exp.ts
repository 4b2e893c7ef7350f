import { ROUNDING } from './round.ts'

/**
 * e^x in every lane: the one exp of all kernels (SPEC NU5). Relative error ≤ 2e-7 (exp.test.ts); from x = 0 the result is exactly 1.
 * Below −87.33, where results would be denormal, 0; above 88.73 infinity; NaN stays NaN.
 * x = n·ln 2 + r with |r| ≤ ln 2 / 2; ln 2 in two parts, the first short enough that n times it is exact. Polynomial of degree 7 in r,
 * coefficients of Cephes expf (S. Moshier). Multiply, then add, never fused (SPEC NU3).
 * pmin and pmax keep a NaN that is their first operand, and are one instruction on x86 where min and max are eight; so is rounding by an
 * addition, and it leaves the integer in the low bits: nearest and trunc_sat are ten.
 * @param negative known when this is compiled: no x is above 0, so less is to be done for the same bits.
 */
@inline export function exp(x: v128, negative: bool = false): v128 {
  const clamped = f32x4.pmax(negative ? x : f32x4.pmin(x, f32x4.splat(89)), f32x4.splat(-88))
  const rounded = f32x4.add(f32x4.mul(clamped, f32x4.splat(1.44269504088896341)), f32x4.splat(ROUNDING))
  const n = f32x4.sub(rounded, f32x4.splat(ROUNDING))
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)))
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)))
  let p = f32x4.splat(1.9875691500e-4)
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1))
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1))
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1))
  // 2^n as two factors where n may be 128, whose power of two is not an f32. That of −127 comes out as 0, as do all below −87.33.
  const exponent = i32x4.sub(rounded, f32x4.splat(ROUNDING))
  const first = i32x4.shr_s(exponent, 1)
  const e = negative ? f32x4.mul(p, powerOfTwo(exponent)) : f32x4.mul(f32x4.mul(p, powerOfTwo(first)), powerOfTwo(i32x4.sub(exponent, first)))
  return v128.andnot(e, f32x4.lt(x, f32x4.splat(-87.33)))
}

/** 1 / (1 + e^−x) in every lane. */
@inline export function sigmoidLanes(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(f32x4.neg(x))))
}

@inline function powerOfTwo(n: v128): v128 { return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23) }
