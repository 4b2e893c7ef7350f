import { padCols, padRows, xRecordsBytes } from '../../shared/core/layout.ts'
import type { Kernels } from './kernels.ts'
import { linear, quantize } from './linear.ts'
import type { Activations, Matrix } from './linear.ts'

/** A gated feed-forward block: a routed expert, a shared expert or a dense layer. */
export interface SwigluWeights {
  readonly gate: Matrix
  readonly up: Matrix
  readonly down: Matrix
  /** Inner width, unpadded. */
  readonly width: number
}

/** Working memory for `tokens` tokens: gate and up [tokens, padCols(width)] f32, inner [tokens] activation records. */
export interface SwigluScratch {
  readonly gate: number
  readonly up: number
  readonly inner: number
}

/** out[tokens, hidden] = down(silu(gate(x)) · up(x)). `out`: f32, `outStride` bytes a token. The gate buffer becomes the inner activations. */
export function swiglu(k: Kernels, w: SwigluWeights, x: Activations, scratch: SwigluScratch, out: number, outStride: number, tokens: number): void {
  const stride = padCols(w.width) * 4
  linear(k, w.gate, x, scratch.gate, stride, tokens)
  linear(k, w.up, x, scratch.up, stride, tokens)
  clearPadding(k, w.width, scratch.gate, tokens)
  clearPadding(k, w.width, scratch.up, tokens)
  k.silu_mul(scratch.gate, scratch.up, scratch.gate, padCols(w.width), tokens, stride, stride, stride)
  const inner = { f32: scratch.gate, f32Stride: stride, q8: scratch.inner, q8Stride: xRecordsBytes(w.width) }
  quantize(k, w.down.encoding !== 'f32-matrix', inner, w.width, tokens)
  linear(k, w.down, inner, out, outStride, tokens)
}

/**
 * A matrix writes its padded rows, the next one reads its padded columns, and these are more. Blocks of other widths use the same
 * scratch, so what lies between would enter a block's scale. SPEC NU9.
 */
function clearPadding(k: Kernels, width: number, rows: number, tokens: number): void {
  const floats = padCols(width) - padRows(width)
  if (floats === 0) return
  for (let t = 0; t < tokens; t++) k.zero_row(rows + (t * padCols(width) + padRows(width)) * 4, floats)
}
