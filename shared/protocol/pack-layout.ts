import { encodedBytes, hiPlaneBytes, loPlaneBytes } from '../core/layout.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import { expertMatrices } from '../core/tensors.ts'

/**
 * Every trunk tensor, expert and f32 expert begins at a multiple of this in its object, a cache line: memory that takes ranges as they lie
 * is aligned for every load. Only a lo plane has no gap before it: one read fetches a whole q8 expert.
 */
export const RANGE_ALIGN_BYTES = 64

/** Bytes of an expert's three ranges: gate, up and down together. */
export function expertRangeBytes(spec: ModelSpec): { readonly hi: number; readonly lo: number; readonly f32: number } {
  const matrices = expertMatrices(spec)
  const sum = (bytes: (rows: number, cols: number) => number) => matrices.reduce((total, m) => total + bytes(m.rows, m.cols), 0)
  return { hi: sum(hiPlaneBytes), lo: sum(loPlaneBytes), f32: sum((rows, cols) => encodedBytes('f32-matrix', rows, cols)) }
}
