import { X_RECORD_BYTES } from '../../shared/core/records.ts'
import { gemm_f32 } from './f32-matrix.ts'
import { gemm_q4, gemm_q8 } from './gemm.ts'
import { sigmoidLanes } from './inline/exp.ts'
import { quantize_rows } from './quantize-rows.ts'

/**
 * A gated feed-forward block in one call: out[tokens, hidden] = down(silu(gate(x)) · up(x)). Every matrix is read once for all tokens.
 * gate, up  [width, hidden]; down  [hidden, width]. `hidden` and `width` are padded here. x, xStride: as the encoding's gemm takes them.
 * gateRows, upRows  scratch f32 [tokens, width padded to 32]; inner  scratch records [tokens, width].
 * Order: silu(gate) · up, then quantize_rows, each as the kernel of that name.
 */
export function swiglu_q4(
  gate: usize, up: usize, down: usize, x: usize, xStride: usize, gateRows: usize, upRows: usize, inner: usize, out: usize, outStride: usize,
  hidden: i32, width: i32, tokens: i32,
): void {
  const rows = pad16(width), stride = <usize>pad32(width) << 2, innerStride = recordsBytes(width)
  gemm_q4(gate, x, gateRows, rows, pad32(hidden), tokens, xStride, stride)
  gemm_q4(up, x, upRows, rows, pad32(hidden), tokens, xStride, stride)
  innerRows(gateRows, upRows, width, tokens)
  quantize_rows(gateRows, inner, pad32(width), tokens, stride, innerStride)
  gemm_q4(down, inner, out, pad16(hidden), pad32(width), tokens, innerStride, outStride)
}

/** The same with nested 8-bit weights: each matrix has a hi and a lo plane. */
export function swiglu_q8(
  gate: usize, gateLo: usize, up: usize, upLo: usize, down: usize, downLo: usize, x: usize, xStride: usize,
  gateRows: usize, upRows: usize, inner: usize, out: usize, outStride: usize, hidden: i32, width: i32, tokens: i32,
): void {
  const rows = pad16(width), stride = <usize>pad32(width) << 2, innerStride = recordsBytes(width)
  gemm_q8(gate, gateLo, x, gateRows, rows, pad32(hidden), tokens, xStride, stride)
  gemm_q8(up, upLo, x, upRows, rows, pad32(hidden), tokens, xStride, stride)
  innerRows(gateRows, upRows, width, tokens)
  quantize_rows(gateRows, inner, pad32(width), tokens, stride, innerStride)
  gemm_q8(down, downLo, inner, out, pad16(hidden), pad32(width), tokens, innerStride, outStride)
}

/** The same with f32 weights and f32 activations: nothing is quantised. */
export function swiglu_f32(
  gate: usize, up: usize, down: usize, x: usize, xStride: usize, gateRows: usize, upRows: usize, out: usize, outStride: usize,
  hidden: i32, width: i32, tokens: i32,
): void {
  const rows = pad16(width), stride = <usize>pad32(width) << 2
  gemm_f32(gate, x, gateRows, rows, pad32(hidden), tokens, xStride, stride)
  gemm_f32(up, x, upRows, rows, pad32(hidden), tokens, xStride, stride)
  innerRows(gateRows, upRows, width, tokens)
  gemm_f32(down, gateRows, out, pad16(hidden), pad32(width), tokens, stride, outStride)
}

/** gateRows = silu(gateRows) · upRows, [tokens, width padded to 32]. */
function innerRows(gateRows: usize, upRows: usize, width: i32, tokens: i32): void {
  const stride = <usize>pad32(width) << 2
  clearPadding(gateRows, width, tokens)
  clearPadding(upRows, width, tokens)
  silu_mul(gateRows, upRows, gateRows, pad32(width), tokens, stride, stride, stride)
}

/**
 * A matrix writes its padded rows, the next one reads its padded columns, and these are more. Blocks of other widths use the same
 * scratch, so what lies between would enter a block's scale. SPEC NU9.
 */
function clearPadding(rows: usize, width: i32, tokens: i32): void {
  const written = <usize>pad16(width) << 2, stride = <usize>pad32(width) << 2
  if (written == stride) return
  for (let t = 0; t < tokens; t++, rows += stride) memory.fill(rows + written, 0, stride - written)
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
