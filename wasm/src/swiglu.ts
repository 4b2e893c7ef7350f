import type { Kernels } from './kernels.ts'
import type { Activations, Matrix } from './linear.ts'

/** A gated feed-forward block: a routed expert, a shared expert or a dense layer. Its matrices have one encoding. */
export interface SwigluWeights {
  readonly gate: Matrix
  readonly up: Matrix
  readonly down: Matrix
  /** Inner width, unpadded. */
  readonly width: number
}

/** Working memory for `tokens` tokens: gateUp f32 [tokens, 2 · padCols(width)], inner [tokens] activation records. */
export interface SwigluScratch {
  readonly gateUp: number
  readonly inner: number
}

/** out[tokens, hidden] = down(silu(gate(x)) · up(x)), in one call of a kernel. `out`: f32, `outStride` bytes a token. */
export function swiglu(k: Kernels, w: SwigluWeights, x: Activations, scratch: SwigluScratch, out: number, outStride: number, tokens: number): void {
  const { gate, up, down, width } = w
  const { gateUp, inner } = scratch
  const hidden = down.rows // padded is as good: the kernel pads it again
  if (up.encoding !== gate.encoding || down.encoding !== gate.encoding) throw new Error('swiglu: matrices of different encodings')
  switch (gate.encoding) {
    case 'q8':
      return k.swiglu_q8(gate.ptr, gate.lo, up.ptr, up.lo, down.ptr, down.lo, x.q8, x.q8Stride, gateUp, inner, out, outStride, hidden, width, tokens)
    case 'q4':
      return k.swiglu_q4(gate.ptr, up.ptr, down.ptr, x.q8, x.q8Stride, gateUp, inner, out, outStride, hidden, width, tokens)
    case 'f32-matrix':
      return k.swiglu_f32(gate.ptr, up.ptr, down.ptr, x.f32, x.f32Stride, gateUp, out, outStride, hidden, width, tokens)
    default:
      return gate.encoding satisfies never
  }
}
