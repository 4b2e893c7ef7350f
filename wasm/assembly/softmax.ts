import { exp } from './inline/exp.ts'
import { loadLanes, maxLanes, storeLanes, sumLanes } from './inline/lanes.ts'

/** Rows of any length n ≥ 1: nothing beyond n is read or written. */

/** x = softmax(x), in place. */
export function softmax_row(x: usize, n: i32): void {
  const factor = f32x4.splat(<f32>1 / exp_row(x, n))
  for (let i = 0; i < n; i += 4) {
    const p = x + (<usize>i << 2)
    storeLanes(p, f32x4.mul(loadLanes(p, n - i, 0), factor), n - i)
  }
}

/** x = e^(x − max x), in place; returns the sum. Order: lane l sums the columns c % 4 = l ascending, then the lanes (sumLanes). */
export function exp_row(x: usize, n: i32): f32 {
  const shift = f32x4.splat(maxLanes(maxOf(x, n)))
  let sum = f32x4.splat(0)
  let i = 0
  for (; i + 16 <= n; i += 16) { // four at once: the constants of exp are made once for them
    const p = x + (<usize>i << 2)
    const e0 = exp(f32x4.sub(v128.load(p), shift), true), e1 = exp(f32x4.sub(v128.load(p, 16), shift), true)
    const e2 = exp(f32x4.sub(v128.load(p, 32), shift), true), e3 = exp(f32x4.sub(v128.load(p, 48), shift), true)
    v128.store(p, e0)
    v128.store(p, e1, 16)
    v128.store(p, e2, 32)
    v128.store(p, e3, 48)
    sum = f32x4.add(f32x4.add(f32x4.add(f32x4.add(sum, e0), e1), e2), e3)
  }
  for (; i < n; i += 4) {
    const p = x + (<usize>i << 2)
    const e = exp(f32x4.sub(loadLanes(p, n - i, -Infinity), shift), true)
    storeLanes(p, e, n - i)
    sum = f32x4.add(sum, e)
  }
  return sumLanes(sum)
}

/** Index of the largest value, the lowest of equals; −1 when one is NaN. */
export function argmax(x: usize, n: i32): i32 {
  let largest = f32x4.splat(-Infinity), nan = f32x4.splat(0)
  for (let i = 0; i < n; i += 4) {
    const v = loadLanes(x + (<usize>i << 2), n - i, -Infinity)
    largest = f32x4.pmax(largest, v)
    nan = v128.or(nan, f32x4.ne(v, v))
  }
  if (v128.any_true(nan)) return -1
  const wanted = f32x4.splat(maxLanes(largest))
  for (let i = 0; i < n; i += 4) {
    const equal = i32x4.bitmask(f32x4.eq(loadLanes(x + (<usize>i << 2), n - i, NaN), wanted))
    if (equal) return i + <i32>ctz(equal)
  }
  return -1 // unreachable: one of them is the largest
}

/** Lane-wise maxima of the row's numbers: a NaN shows in the sum. */
@inline function maxOf(x: usize, n: i32): v128 {
  let largest = f32x4.splat(-Infinity)
  for (let i = 0; i < n; i += 4) largest = f32x4.pmax(largest, loadLanes(x + (<usize>i << 2), n - i, -Infinity))
  return largest
}
