/** What the machine allows: the read bandwidth and the rate of the relaxed dot alone. For the bench only; no part of the product's modules. */

/** Reads `bytes` from p on, in one stream. bytes % 128 = 0. Returns something that depends on every byte. */
export function read_1_stream(p: usize, bytes: usize): i32 {
  let a = i32x4.splat(0), b = a, c = a, d = a
  for (const end = p + bytes; p < end; p += 128) {
    a = xor4(a, p)
    b = xor4(b, p + 64)
  }
  return fold(a, b, c, d)
}

/** The same from two places, half of the bytes apart. bytes % 256 = 0. */
export function read_2_streams(p: usize, bytes: usize): i32 {
  let a = i32x4.splat(0), b = a, c = a, d = a
  let q = p + (bytes >> 1)
  for (const end = q; p < end; p += 128, q += 128) {
    a = xor4(a, p)
    b = xor4(b, p + 64)
    c = xor4(c, q)
    d = xor4(d, q + 64)
  }
  return fold(a, b, c, d)
}

/** `turns` × 48 relaxed dots of 16 products, twelve sums at a time: enough to hide a dot's latency, few enough to stay in registers. */
export function relaxed_dots(turns: i32): i32 {
  const x = i8x16(1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16)
  const w = i8x16(15, 0, 14, 1, 13, 2, 12, 3, 11, 4, 10, 5, 9, 6, 8, 7)
  let a = i32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a
  for (; turns > 0; turns--) {
    a = dot(a, x, w), b = dot(b, x, w), c = dot(c, x, w), d = dot(d, x, w), e = dot(e, x, w), f = dot(f, x, w)
    g = dot(g, x, w), h = dot(h, x, w), i = dot(i, x, w), j = dot(j, x, w), k = dot(k, x, w), l = dot(l, x, w)
    a = dot(a, x, w), b = dot(b, x, w), c = dot(c, x, w), d = dot(d, x, w), e = dot(e, x, w), f = dot(f, x, w)
    g = dot(g, x, w), h = dot(h, x, w), i = dot(i, x, w), j = dot(j, x, w), k = dot(k, x, w), l = dot(l, x, w)
    a = dot(a, x, w), b = dot(b, x, w), c = dot(c, x, w), d = dot(d, x, w), e = dot(e, x, w), f = dot(f, x, w)
    g = dot(g, x, w), h = dot(h, x, w), i = dot(i, x, w), j = dot(j, x, w), k = dot(k, x, w), l = dot(l, x, w)
    a = dot(a, x, w), b = dot(b, x, w), c = dot(c, x, w), d = dot(d, x, w), e = dot(e, x, w), f = dot(f, x, w)
    g = dot(g, x, w), h = dot(h, x, w), i = dot(i, x, w), j = dot(j, x, w), k = dot(k, x, w), l = dot(l, x, w)
  }
  return fold(v128.xor(a, e), v128.xor(b, f), v128.xor(c, g), v128.xor(d, h)) ^ fold(i, j, k, l)
}

@inline function dot(sum: v128, x: v128, w: v128): v128 { return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum) }

/** 64 bytes into one vector. */
@inline function xor4(a: v128, p: usize): v128 {
  return v128.xor(v128.xor(v128.xor(v128.xor(a, v128.load(p)), v128.load(p, 16)), v128.load(p, 32)), v128.load(p, 48))
}

@inline function fold(a: v128, b: v128, c: v128, d: v128): i32 {
  const v = v128.xor(v128.xor(a, b), v128.xor(c, d))
  return i32x4.extract_lane(v, 0) ^ i32x4.extract_lane(v, 1) ^ i32x4.extract_lane(v, 2) ^ i32x4.extract_lane(v, 3)
}
