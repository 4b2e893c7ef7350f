import { word0, word1, word2, word3 } from './dot.ts'

/**
 * Integer products of a tile: 4 rows (queries of one kv head) with 8 lanes of int8 codes, over pairs of codes, exact (SPEC NU3).
 * Scores: a lane is a position, a pair two columns. Values: a lane is a column, a pair two positions.
 * The multipliers lie as a vector a pair: [4 rows][2] i16. Wide products in all builds: they are exact for codes of 16 bits, and one
 * read of K or V serves all rows.
 * @param rows    1, 2 or 4, known when this is compiled; with fewer than 4 the others' sums are not made.
 * @param values  known when this is compiled: out += sum · factor, else out = sum · (factor · scales).
 * @param table   u32 page addresses up to tableEnd; a page's codes begin `offset` bytes into it and are `bytes` long.
 * @param factors f32 [4], one a row. @param scales f32 [8], one a lane. @param out 4 rows of 8 f32, `stride` bytes apart.
 */
@inline export function tile(
  rows: i32, values: bool, multipliers: usize, table: usize, tableEnd: usize, offset: usize, bytes: usize,
  factors: usize, scales: usize, out: usize, stride: usize,
): void {
  let s00 = i32x4.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
  for (; table < tableEnd; table += 4) {
    let codes = <usize>load<u32>(table) + offset
    for (const end = codes + bytes; codes < end; codes += 16, multipliers += 16) {
      const c = v128.load(codes)
      const low = i16x8.extend_low_i8x16_s(c), high = i16x8.extend_high_i8x16_s(c)
      const m = v128.load(multipliers)
      const m0 = word0(m)
      s00 = i32x4.add(s00, i32x4.dot_i16x8_s(low, m0)), s01 = i32x4.add(s01, i32x4.dot_i16x8_s(high, m0))
      if (rows > 1) {
        const m1 = word1(m)
        s10 = i32x4.add(s10, i32x4.dot_i16x8_s(low, m1)), s11 = i32x4.add(s11, i32x4.dot_i16x8_s(high, m1))
      }
      if (rows > 2) {
        const m2 = word2(m)
        s20 = i32x4.add(s20, i32x4.dot_i16x8_s(low, m2)), s21 = i32x4.add(s21, i32x4.dot_i16x8_s(high, m2))
        const m3 = word3(m)
        s30 = i32x4.add(s30, i32x4.dot_i16x8_s(low, m3)), s31 = i32x4.add(s31, i32x4.dot_i16x8_s(high, m3))
      }
    }
  }
  const f = v128.load(factors)
  put(values, s00, s01, word0(f), scales, out)
  if (rows > 1) put(values, s10, s11, word1(f), scales, out + stride)
  if (rows > 2) {
    put(values, s20, s21, word2(f), scales, out + 2 * stride)
    put(values, s30, s31, word3(f), scales, out + 3 * stride)
  }
}

@inline function put(values: bool, first: v128, second: v128, factor: v128, scales: usize, out: usize): void {
  const a = f32x4.convert_i32x4_s(first), b = f32x4.convert_i32x4_s(second)
  if (values) {
    v128.store(out, f32x4.add(v128.load(out), f32x4.mul(a, factor)))
    v128.store(out, f32x4.add(v128.load(out, 16), f32x4.mul(b, factor)), 16)
  } else {
    v128.store(out, f32x4.mul(a, f32x4.mul(factor, v128.load(scales))))
    v128.store(out, f32x4.mul(b, f32x4.mul(factor, v128.load(scales, 16))), 16)
  }
}

/** Words of four rows to one vector a word: a 4 × 4 transposition. Each row's vector holds 4 pairs. */
@inline export function storeInterleaved(a: v128, b: v128, c: v128, d: v128, out: usize): void {
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
  const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7), cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
  v128.store(out, v128.shuffle<i64>(ab, cd, 0, 2))
  v128.store(out, v128.shuffle<i64>(ab, cd, 1, 3), 16)
  v128.store(out, v128.shuffle<i64>(ab2, cd2, 0, 2), 32)
  v128.store(out, v128.shuffle<i64>(ab2, cd2, 1, 3), 48)
}
