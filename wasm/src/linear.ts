import { hiPlaneBytes, padCols, padRows, xRecordsBytes } from '../../shared/core/layout.ts'
import type { Kernels } from './kernels.ts'

/** A matrix in WASM memory. q8: `ptr` is the hi plane, `lo` the lo plane; else `lo` is 0. Rows and columns are padded. */
export interface Matrix {
  readonly encoding: 'f32-matrix' | 'q8' | 'q4'
  readonly ptr: number
  readonly lo: number
  readonly rows: number
  readonly cols: number
}

/**
 * Activations of several tokens, in both forms: f32 for f32 matrices, int8 records for quantised ones. Strides in bytes.
 * The f32 form's padding columns are zero.
 */
export interface Activations {
  readonly f32: number
  readonly f32Stride: number
  readonly q8: number
  readonly q8Stride: number
}

/** Describes a stored matrix of `rows` × `cols` (unpadded) at `ptr`; a q8 matrix's planes are back to back unless `lo` says otherwise. */
export function matrixAt(encoding: Matrix['encoding'], ptr: number, rows: number, cols: number, lo = ptr + hiPlaneBytes(rows, cols)): Matrix {
  return { encoding, ptr, lo: encoding === 'q8' ? lo : 0, rows: padRows(rows), cols: padCols(cols) }
}

/** y[tokens, rows] = x[tokens, cols] · Wᵀ. y: f32, `yStride` bytes a token. Each token's bits are those of a single-token call. SPEC NU2. */
export function linear(k: Kernels, w: Matrix, x: Activations, y: number, yStride: number, tokens: number): void {
  switch (w.encoding) {
    case 'q8':
      return k.gemm_q8(w.ptr, w.lo, x.q8, y, w.rows, w.cols, tokens, x.q8Stride, yStride)
    case 'q4':
      return k.gemm_q4(w.ptr, x.q8, y, w.rows, w.cols, tokens, x.q8Stride, yStride)
    case 'f32-matrix':
      return k.gemm_f32(w.ptr, x.f32, y, w.rows, w.cols, tokens, x.f32Stride, yStride)
    default:
      return w.encoding satisfies never
  }
}

/** Makes the int8 form of `x` where `quantized` matrices will read it. `cols` unpadded. */
export function quantize(k: Kernels, quantized: boolean, x: Activations, cols: number, tokens: number): void {
  if (quantized) k.quantize_rows(x.f32, x.q8, padCols(cols), tokens, x.f32Stride, x.q8Stride)
}

/** Bytes of one token's activations as a frame carries them. */
export function activationBytes(encoding: Matrix['encoding'], cols: number): number {
  return encoding === 'f32-matrix' ? padCols(cols) * 4 : xRecordsBytes(cols)
}
