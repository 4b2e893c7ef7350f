import { ZERO_BLOCK_BELOW } from '../../../shared/core/records.ts'
import { maxLanes } from './lanes.ts'
import { ROUNDING } from './round.ts'

/**
 * Rows as integer codes with one scale: code = nearest(x · (limit / amax)), halves to even; real = code · (amax / limit).
 * n is rounded up to 4: the padding is zero. A row whose amax is below ZERO_BLOCK_BELOW is zeros; a NaN makes the scale NaN.
 */

/** Largest magnitude of a row. */
@inline export function amaxOf(x: usize, n: i32): f32 {
  let amax = f32x4.splat(0)
  for (let i = 0; i < n; i += 4) amax = maxMagnitude(amax, f32x4.abs(v128.load(x + (<usize>i << 2))))
  return maxLanes(amax)
}

/** Maxima of numbers without a sign: their bits are ordered as they are, and NaN is above all. One instruction; f32x4.max is eight on x86. */
@inline export function maxMagnitude(a: v128, b: v128): v128 { return i32x4.max_u(a, b) }

@inline export function codeScale(amax: f32, limit: f32): f32 { return amax < <f32>ZERO_BLOCK_BELOW ? <f32>0 : amax / limit }
@inline export function codeFactor(amax: f32, limit: f32): f32 { return amax < <f32>ZERO_BLOCK_BELOW ? <f32>0 : limit / amax }

/** i32 codes of four values; any integers where one is NaN. */
@inline export function codesOf(x: v128, factor: v128): v128 {
  const rounding = f32x4.splat(ROUNDING)
  return i32x4.sub(f32x4.add(f32x4.mul(x, factor), rounding), rounding)
}
