/** Lanes of f32 vectors: sums in one order, and vectors at the end of a row that is not a multiple of four. */

/** (l0 + l2) + (l1 + l3): the order of every sum over lanes (SPEC NU4). */
@inline export function sumLanes(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1))
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1)
}

@inline export function maxLanes(v: v128): f32 {
  const pairs = f32x4.max(v, v128.shuffle<i32>(v, v, 2, 3, 0, 1))
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1))
}

/** The first `count` floats at `p`, the other lanes `fill`. Reads nothing beyond them. */
@inline export function loadLanes(p: usize, count: i32, fill: f32): v128 {
  if (count >= 4) return v128.load(p)
  return f32x4(load<f32>(p), count > 1 ? load<f32>(p, 4) : fill, count > 2 ? load<f32>(p, 8) : fill, fill)
}

/** Writes the first `count` lanes and nothing beyond them. */
@inline export function storeLanes(p: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(p, v)
    return
  }
  v128.store_lane<f32>(p, v, 0)
  if (count > 1) v128.store_lane<f32>(p, v, 1, 4)
  if (count > 2) v128.store_lane<f32>(p, v, 2, 8)
}
