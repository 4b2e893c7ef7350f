import { HI_RECORD_BYTES, KERNEL_SCRATCH_BYTES, KERNEL_SCRATCH_START, LO_RECORD_BYTES } from '../../shared/core/records.ts'
import { isSplit } from './inline/dot.ts'
import { FourTokens, OneToken, Q4, Q8, ThreeTokens, TwoTokens, isNested } from './inline/static.ts'
import { tile16_planes } from './inline/tile16-planes.ts'
import { tile16 } from './inline/tile16.ts'
import { tile8x4 } from './inline/tile8x4.ts'
import { tile8x8 } from './inline/tile8x8.ts'
import { interleave, X_TILE_BYTES } from './inline/x-tile.ts'

/**
 * y[rows] = W[rows, cols] · x[cols]: one token, one matrix, 4-bit weights.
 * w  records of 8 rows × 32 columns, 144 bytes: 128 of nibbles, then 8 bf16 scales; over the columns first, then row groups.
 * x  records of 32 columns, 48 bytes: 32 int8, f32 scale, i32 −8·Σx, two i16 halves of that.
 * y  f32 [rows]. rows % 16 = 0, cols % 32 = 0: the loader checks, not the kernel.
 * Order: exact integer dot inside a block, then a multiply and an add in f32 a block, blocks ascending (SPEC NU3, NU4).
 */
export function gemv_q4(w: usize, x: usize, y: usize, rows: i32, cols: i32): void { gemm_q4(w, x, y, rows, cols, 1, 0, 0) }

/**
 * The same with nested 8-bit weights scale/16 · (16·(hi − 8) + (lo − 8)).
 * hi  the records of gemv_q4; lo  records of 128 bytes, the same nibbles without scales.
 * Order: the exact integer dot of 16·hi + lo inside a block, then as gemv_q4; the 1/16 comes last, once a row.
 */
export function gemv_q8(hi: usize, lo: usize, x: usize, y: usize, rows: i32, cols: i32): void { gemm_q8(hi, lo, x, y, rows, cols, 1, 0, 0) }

/**
 * y[tokens, rows] = x[tokens, cols] · Wᵀ; layouts and order as gemv_q4, so each token has the bits of a gemv of its own (SPEC NU2).
 * x  `xStride` bytes a token; y  `yStride` bytes a token. Uses the kernels' scratch from three tokens on.
 */
export function gemm_q4(w: usize, x: usize, y: usize, rows: i32, cols: i32, tokens: i32, xStride: usize, yStride: usize): void {
  gemm<Q4>(w, 0, x, y, rows, <usize>cols >> 5, tokens, xStride, yStride)
}

/** As gemm_q4, with the weights of gemv_q8. */
export function gemm_q8(hi: usize, lo: usize, x: usize, y: usize, rows: i32, cols: i32, tokens: i32, xStride: usize, yStride: usize): void {
  gemm<Q8>(hi, lo, x, y, rows, <usize>cols >> 5, tokens, xStride, yStride)
}

/** Tiles of activations that the scratch holds, of one block each. */
const X_TILES_MAX = KERNEL_SCRATCH_BYTES / X_TILE_BYTES
/** Weights that stay in the nearest cache from tile to tile. */
const CHUNK_BYTES: usize = 30720

/** As many tokens a pass over the weights as the scratch holds. Three or four make a tile; one or two left over have a tile of their own. */
function gemm<W>(hi: usize, lo: usize, x: usize, y: usize, rows: i32, blocks: usize, tokens: i32, xStride: usize, yStride: usize): void {
  const tokensMax = <usize>X_TILES_MAX / blocks * 4
  for (let left = <usize>tokens; left > 0; ) {
    let tiled = min(left, tokensMax)
    if ((tiled & 3) < 3) tiled &= ~3
    const over = left - tiled
    const rest = over < 3 ? over : tokensMax > 0 ? 0 : 2
    interleave(x, xStride, blocks, tiled, KERNEL_SCRATCH_START)
    pass<W>(hi, lo, x + tiled * xStride, y, <usize>rows, blocks, tiled, rest, xStride, yStride)
    left -= tiled + rest
    x += (tiled + rest) * xStride, y += (tiled + rest) * yStride
  }
}

/**
 * One pass over the weights. x: the `rest`, behind those in the scratch.
 * With few tokens the pass waits for memory, and two streams bring more than one: groups of 8 rows from both halves of the matrix. With
 * tiles it computes: some groups in order, which the machine fetches ahead best, then again from its cache for the next tile.
 */
function pass<W>(hi: usize, lo: usize, x: usize, y: usize, rows: usize, blocks: usize, tiled: usize, rest: usize, xStride: usize, yStride: usize): void {
  const hiBytes = blocks * HI_RECORD_BYTES, loBytes = blocks * LO_RECORD_BYTES
  if (tiled == 0) return pairs<W>(hi, lo, x, y, rows >> 4, rows >> 4, 1, blocks, rest, xStride, yStride)
  const groupBytes = isNested<W>() ? hiBytes + loBytes : hiBytes
  const chunk = max(CHUNK_BYTES / groupBytes & ~1, 2)
  for (let left = rows >> 3; left > 0; ) {
    const groups = min(left, chunk)
    tiles<W>(hi, lo, y, yStride, groups, blocks, tiled)
    if (rest) pairs<W>(hi, lo, x, y + tiled * yStride, groups >> 1, 1, 2, blocks, rest, xStride, yStride)
    left -= groups
    hi += groups * hiBytes, lo += groups * loBytes, y += groups * 32
  }
}

/** `count` times 16 rows, `step` groups on each time, with one or two tokens: two groups, `apart` groups apart. */
function pairs<W>(
  hi: usize, lo: usize, x: usize, y: usize, count: usize, apart: usize, step: usize, blocks: usize, tokens: usize, xStride: usize, yStride: usize,
): void {
  for (; count > 0; count--, y += step * 32) {
    if (tokens == 2) tile16<W, TwoTokens>(hi, lo, apart, x, xStride, y, yStride, blocks)
    else if (isNested<W>()) tile16_planes(hi, lo, apart, x, y, blocks)
    else tile16<W, OneToken>(hi, lo, apart, x, 0, y, 0, blocks)
    hi += step * blocks * HI_RECORD_BYTES, lo += step * blocks * LO_RECORD_BYTES
  }
}

/** Some groups of 8 rows with the activations in the scratch. */
function tiles<W>(hi: usize, lo: usize, y: usize, yStride: usize, groups: usize, blocks: usize, tokens: usize): void {
  const hiBytes = blocks * HI_RECORD_BYTES, loBytes = blocks * LO_RECORD_BYTES
  let x: usize = KERNEL_SCRATCH_START
  if (!isSplit<W>()) {
    for (; tokens >= 8; tokens -= 8, x += 2 * blocks * X_TILE_BYTES, y += 8 * yStride) {
      for (let g: usize = 0; g < groups; g++) tile8x8<W>(hi + g * hiBytes, lo + g * loBytes, x, y + g * 32, yStride, blocks)
    }
  }
  for (; tokens >= 4; tokens -= 4, x += blocks * X_TILE_BYTES, y += 4 * yStride) {
    for (let g: usize = 0; g < groups; g++) tile8x4<W, FourTokens>(hi + g * hiBytes, lo + g * loBytes, x, y + g * 32, yStride, blocks)
  }
  if (tokens == 0) return
  for (let g: usize = 0; g < groups; g++) tile8x4<W, ThreeTokens>(hi + g * hiBytes, lo + g * loBytes, x, y + g * 32, yStride, blocks)
}
