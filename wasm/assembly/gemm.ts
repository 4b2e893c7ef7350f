import { HI_RECORD_BYTES, KERNEL_SCRATCH_BYTES, KERNEL_SCRATCH_START, LO_RECORD_BYTES } from '../../shared/core/records.ts'
import { CODES_BYTES, unpack } from './inline/codes.ts'
import { isSplit } from './inline/dot.ts'
import { FourTokens, OneToken, Q4, Q8, Stored, ThreeTokens, TwoTokens, Unpacked, isNested } from './inline/static.ts'
import { tile16_planes } from './inline/tile16-planes.ts'
import { tile16 } from './inline/tile16.ts'
import { tile8 } from './inline/tile8.ts'
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
 * x  `xStride` bytes a token; y  `yStride` bytes a token. Uses the kernels' scratch from four tokens on.
 */
export function gemm_q4(w: usize, x: usize, y: usize, rows: i32, cols: i32, tokens: i32, xStride: usize, yStride: usize): void {
  gemm<Q4>(w, 0, x, y, rows, <usize>cols >> 5, tokens, xStride, yStride)
}

/** As gemm_q4, with the weights of gemv_q8. */
export function gemm_q8(hi: usize, lo: usize, x: usize, y: usize, rows: i32, cols: i32, tokens: i32, xStride: usize, yStride: usize): void {
  gemm<Q8>(hi, lo, x, y, rows, <usize>cols >> 5, tokens, xStride, yStride)
}

/** The scratch: activations of this many tiles and blocks, then the codes of one group. */
const X_TILES_MAX = 400
const CODES_START = KERNEL_SCRATCH_START + X_TILES_MAX * X_TILE_BYTES
const CODES_MAX = (KERNEL_SCRATCH_START + KERNEL_SCRATCH_BYTES - CODES_START) / CODES_BYTES
/** From here on it pays to take a q8 group apart once for all tiles; q4 is as fast from its records. */
const UNPACK_TOKENS: usize = 8

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
 * One pass over the weights, 16 rows at a time: two groups of 8, `apart` groups apart. x: the `rest`, behind those in the scratch.
 * With few tokens the pass waits for memory and two streams bring more than one: a group from each half of the matrix. Else it computes,
 * and one stream in order is what the machine fetches ahead best.
 */
function pass<W>(hi: usize, lo: usize, x: usize, y: usize, rows: usize, blocks: usize, tiled: usize, rest: usize, xStride: usize, yStride: usize): void {
  const apart: usize = tiled ? 1 : rows >> 4
  const step: usize = tiled ? 2 : 1
  for (const end = y + (tiled ? rows << 2 : rows << 1); y < end; y += step * 32) {
    if (tiled) {
      tiles<W>(hi, lo, y, yStride, blocks, tiled)
      tiles<W>(hi + blocks * HI_RECORD_BYTES, lo + blocks * LO_RECORD_BYTES, y + 32, yStride, blocks, tiled)
    }
    if (rest == 1) row<W>(hi, lo, apart, x, y + tiled * yStride, blocks)
    else if (rest == 2) tile16<W, TwoTokens>(hi, lo, apart, x, xStride, y + tiled * yStride, yStride, blocks)
    hi += step * blocks * HI_RECORD_BYTES, lo += step * blocks * LO_RECORD_BYTES
  }
}

/** 16 rows of one token. */
@inline function row<W>(hi: usize, lo: usize, apart: usize, x: usize, y: usize, blocks: usize): void {
  if (isNested<W>()) tile16_planes(hi, lo, apart, x, y, blocks)
  else tile16<W, OneToken>(hi, lo, apart, x, 0, y, 0, blocks)
}

/** A group of 8 rows with the activations in the scratch. */
function tiles<W>(hi: usize, lo: usize, y: usize, yStride: usize, blocks: usize, tokens: usize): void {
  const tileBytes = blocks * X_TILE_BYTES
  const unpacked = isNested<W>() && tokens >= UNPACK_TOKENS && blocks << <usize>isSplit<W>() <= <usize>CODES_MAX
  if (unpacked) unpack<W>(hi, lo, CODES_START, blocks)
  let x: usize = KERNEL_SCRATCH_START
  for (; tokens >= 4; tokens -= 4, x += tileBytes, y += 4 * yStride) {
    if (unpacked) tile8<W, FourTokens, Unpacked>(hi, lo, CODES_START, x, y, yStride, blocks)
    else tile8<W, FourTokens, Stored>(hi, lo, 0, x, y, yStride, blocks)
  }
  if (tokens == 0) return
  if (unpacked) tile8<W, ThreeTokens, Unpacked>(hi, lo, CODES_START, x, y, yStride, blocks)
  else tile8<W, ThreeTokens, Stored>(hi, lo, 0, x, y, yStride, blocks)
}
