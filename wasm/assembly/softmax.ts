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
  for (let i = 0; i < n; i += 4) {
    const p = x + (<usize>i << 2)
    const e = exp(f32x4.sub(loadLanes(p, n - i, -Infinity), shift))
    storeLanes(p, e, n - i)
    sum = f32x4.add(sum, e)
  }
  return sumLanes(sum)
}

/** Index of the largest value, the lowest of equals; −1 when one is NaN. */
export function argmax(x: usize, n: i32): i32 {
  const wanted = f32x4.splat(maxLanes(maxOf(x, n)))
  for (let i = 0; i < n; i += 4) {
    const equal = i32x4.bitmask(f32x4.eq(loadLanes(x + (<usize>i << 2), n - i, NaN), wanted))
    if (equal) return i + <i32>ctz(equal)
  }
  return -1
}

/** Lane-wise maxima of the row; NaN when there is one. */
@inline function maxOf(x: usize, n: i32): v128 {
  let largest = f32x4.splat(-Infinity)
  for (let i = 0; i < n; i += 4) largest = f32x4.max(largest, loadLanes(x + (<usize>i << 2), n - i, -Infinity))
  return largest
}
