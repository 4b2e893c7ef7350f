import { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES } from '../../shared/core/records.ts'
import { gemm_f32 } from './f32-matrix.ts'
import { gemm_q4, gemm_q8 } from './gemm.ts'
import { sigmoidLanes } from './inline/exp.ts'
import { quantize_rows } from './quantize-rows.ts'

/**
 * A gated feed-forward block in one call: out[tokens, hidden] = down(silu(gate(x)) · up(x)). Every matrix is read once for all tokens.
 * gate, up  [width, hidden]; down  [hidden, width]. `hidden` and `width` are padded here. x, xStride: as the encoding's gemm takes them.
 * rows  scratch f32 [tokens, 2 · (width padded to 32)]: a token's gate rows, behind them its up rows. inner  scratch records [tokens, width].
 * Order: silu(gate) · up, then quantize_rows, each as the kernel of that name.
 * Where `up` follows `gate` in memory, as in a host's slots, they are one matrix of twice the rows: a single token then reads one stream in
 * each, and memory brings two long streams faster than twice two short ones.
 */
export function swiglu_q4(
  gate: usize, up: usize, down: usize, x: usize, xStride: usize, rows: usize, inner: usize, out: usize, outStride: usize,
  hidden: i32, width: i32, tokens: i32,
): void {
  const each = pad16(width), stride = rowStride(width), innerStride = recordsBytes(width)
  if (up == gate + planeBytes(each, hidden, HI_RECORD_BYTES)) {
    gemm_q4(gate, x, rows, 2 * each, pad32(hidden), tokens, xStride, stride)
  } else {
    gemm_q4(gate, x, rows, each, pad32(hidden), tokens, xStride, stride)
    gemm_q4(up, x, rows + (<usize>each << 2), each, pad32(hidden), tokens, xStride, stride)
  }
  innerRows(rows, width, tokens)
  quantize_rows(rows, inner, pad32(width), tokens, stride, innerStride)
  gemm_q4(down, inner, out, pad16(hidden), pad32(width), tokens, innerStride, outStride)
}

/** The same with nested 8-bit weights: each matrix has a hi and a lo plane. */
export function swiglu_q8(
  gate: usize, gateLo: usize, up: usize, upLo: usize, down: usize, downLo: usize, x: usize, xStride: usize,
  rows: usize, inner: usize, out: usize, outStride: usize, hidden: i32, width: i32, tokens: i32,
): void {
  const each = pad16(width), stride = rowStride(width), innerStride = recordsBytes(width)
  const follows = up == gate + planeBytes(each, hidden, HI_RECORD_BYTES) && upLo == gateLo + planeBytes(each, hidden, LO_RECORD_BYTES)
  if (follows) {
    gemm_q8(gate, gateLo, x, rows, 2 * each, pad32(hidden), tokens, xStride, stride)
  } else {
    gemm_q8(gate, gateLo, x, rows, each, pad32(hidden), tokens, xStride, stride)
    gemm_q8(up, upLo, x, rows + (<usize>each << 2), each, pad32(hidden), tokens, xStride, stride)
  }
  innerRows(rows, width, tokens)
  quantize_rows(rows, inner, pad32(width), tokens, stride, innerStride)
  gemm_q8(down, downLo, inner, out, pad16(hidden), pad32(width), tokens, innerStride, outStride)
}

/** The same with f32 weights and f32 activations: nothing is quantised. */
export function swiglu_f32(
  gate: usize, up: usize, down: usize, x: usize, xStride: usize, rows: usize, out: usize, outStride: usize,
  hidden: i32, width: i32, tokens: i32,
): void {
  const each = pad16(width), stride = rowStride(width)
  gemm_f32(gate, x, rows, each, pad32(hidden), tokens, xStride, stride)
  gemm_f32(up, x, rows + (<usize>each << 2), each, pad32(hidden), tokens, xStride, stride)
  innerRows(rows, width, tokens)
  gemm_f32(down, rows, out, pad16(hidden), pad32(width), tokens, stride, outStride)
}

/**
 * A token's gate rows = silu(gate) · up, then zeros up to width padded to 32. A matrix writes its padded rows, the next one reads its padded
 * columns, and these are more: what lies between would enter a block's scale (SPEC NU9). It is where up rows were, so it comes last.
 */
function innerRows(rows: usize, width: i32, tokens: i32): void {
  const each = <usize>pad16(width) << 2, padded = <usize>pad32(width) << 2, stride = rowStride(width)
  silu_mul(rows, rows + each, rows, pad16(width), tokens, stride, stride, stride)
  if (each == padded) return
  for (let t = 0; t < tokens; t++, rows += stride) memory.fill(rows + each, 0, padded - each)
}

/**
 * out[t] = silu(gate[t]) · up[t] for `count` rows of n floats, silu(g) = g · sigmoid(g). out may be gate or up. Strides in bytes.
 * n is rounded up to 4: rows are padded with zeros at least to there, and the padding stays zero.
 */
export function silu_mul(gate: usize, up: usize, out: usize, n: i32, count: i32, gateStride: usize, upStride: usize, outStride: usize): void {
  const bytes = <usize>((n + 3) & ~3) << 2
  for (let t = 0; t < count; t++, gate += gateStride, up += upStride, out += outStride) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const g = v128.load(gate + i)
      v128.store(out + i, f32x4.mul(f32x4.mul(g, sigmoidLanes(g)), v128.load(up + i)))
    }
  }
}

/** 1 / (1 + e^−x), with the bits of a vector's lane. */
export function sigmoid(x: f32): f32 {
  return f32x4.extract_lane(sigmoidLanes(f32x4.splat(x)), 0)
}

@inline function pad16(n: i32): i32 { return (n + 15) & ~15 }
@inline function pad32(n: i32): i32 { return (n + 31) & ~31 }
@inline function recordsBytes(cols: i32): usize { return (<usize>pad32(cols) >> 5) * X_RECORD_BYTES }
@inline function rowStride(width: i32): usize { return <usize>pad32(width) << 3 }
@inline function planeBytes(rows: i32, cols: i32, recordBytes: usize): usize { return (<usize>rows >> 3) * (<usize>pad32(cols) >> 5) * recordBytes }
