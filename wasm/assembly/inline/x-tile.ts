import { X_RECORD_BYTES } from '../../../shared/core/records.ts'
import { zeroPoint } from './dot.ts'

/** Four tokens' activations of 32 columns, interleaved: 8 vectors of [4 tokens × 4 columns], the 4 scales, the 4 zero points. */
export const X_TILE_BYTES = 160
/** Interleaves `tokens` tokens into `out`, token tile by token tile, block by block. A last tile of less than four repeats its last. */
export function interleave(x: usize, xStride: usize, blocks: usize, tokens: usize, out: usize): void {
  for (let t: usize = 0; t < tokens; t += 4, x += 4 * xStride) {
    let x0 = x, x1 = x + min(tokens - t - 1, 1) * xStride, x2 = x + min(tokens - t - 1, 2) * xStride, x3 = x + min(tokens - t - 1, 3) * xStride
    for (const end = x + blocks * X_RECORD_BYTES; x0 < end; out += X_TILE_BYTES) {
      transpose(out, v128.load(x0), v128.load(x1), v128.load(x2), v128.load(x3))
      transpose(out + 64, v128.load(x0, 16), v128.load(x1, 16), v128.load(x2, 16), v128.load(x3, 16))
      const t0 = v128.load(x0, 32), t1 = v128.load(x1, 32), t2 = v128.load(x2, 32), t3 = v128.load(x3, 32)
      v128.store(out, firstWords(t0, t1, t2, t3), 128)
      v128.store(out, firstWords(zeroPoint(t0), zeroPoint(t1), zeroPoint(t2), zeroPoint(t3)), 144)
      x0 += X_RECORD_BYTES, x1 += X_RECORD_BYTES, x2 += X_RECORD_BYTES, x3 += X_RECORD_BYTES
    }
  }
}

/** Stores the columns of a 4 × 4 matrix of words, given by its rows. */
@inline function transpose(out: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5)
  v128.store(out, v128.shuffle<i64>(ab, cd, 0, 2))
  v128.store(out, v128.shuffle<i64>(ab, cd, 1, 3), 16)
  const ef = v128.shuffle<i32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<i32>(c, d, 2, 6, 3, 7)
  v128.store(out, v128.shuffle<i64>(ef, gh, 0, 2), 32)
  v128.store(out, v128.shuffle<i64>(ef, gh, 1, 3), 48)
}

@inline function firstWords(a: v128, b: v128, c: v128, d: v128): v128 {
  return v128.shuffle<i64>(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(c, d, 0, 4, 1, 5), 0, 2)
}
