/** Sums `bytes` from p on as two streams, half of the bytes apart: the fastest way to read memory once. bytes % 128 = 0. */
export function read_two_streams(p: usize, bytes: usize): i32 {
  let a = i32x4.splat(0),
    b = a,
    c = a,
    d = a
  let q = p + (bytes >> 1)
  for (const end = q; p < end; p += 64, q += 64) {
    a = i32x4.add(a, v128.xor(v128.load(p), v128.load(p, 16)))
    b = i32x4.add(b, v128.xor(v128.load(p, 32), v128.load(p, 48)))
    c = i32x4.add(c, v128.xor(v128.load(q), v128.load(q, 16)))
    d = i32x4.add(d, v128.xor(v128.load(q, 32), v128.load(q, 48)))
  }
  const sum = i32x4.add(i32x4.add(a, b), i32x4.add(c, d))
  return i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
}
