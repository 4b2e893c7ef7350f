import { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES } from './records.ts'
import type { Encoding } from '../protocol/tiers.ts'

/**
 * Sizes of the stored and in-memory layouts. A matrix is padded with zeros: rows to ROW_PAD, columns to COL_PAD.
 * Bit order inside a record: docs/design/pack-layout.md; codec: p8.ts.
 */
export const ROW_PAD = 16
export const COL_PAD = 32
/** Sizes of the records live in a file of their own, which the kernels compile in. */
export { HI_RECORD_BYTES, LO_RECORD_BYTES, X_RECORD_BYTES }

export function padRows(rows: number): number {
  return Math.ceil(rows / ROW_PAD) * ROW_PAD
}

export function padCols(cols: number): number {
  return Math.ceil(cols / COL_PAD) * COL_PAD
}

/** Bytes of the hi plane (q4: the whole matrix). */
export function hiPlaneBytes(rows: number, cols: number): number {
  return (padRows(rows) / 8) * (padCols(cols) / 32) * HI_RECORD_BYTES
}

export function loPlaneBytes(rows: number, cols: number): number {
  return (padRows(rows) / 8) * (padCols(cols) / 32) * LO_RECORD_BYTES
}

/** Bytes of one stored tensor. A q8 matrix is its hi plane, then its lo plane. */
export function encodedBytes(encoding: Encoding, rows: number, cols: number): number {
  switch (encoding) {
    case 'f32-vector':
      return padCols(cols) * 4
    case 'f32-matrix':
      return padRows(rows) * padCols(cols) * 4
    case 'q4':
      return hiPlaneBytes(rows, cols)
    case 'q8':
      return hiPlaneBytes(rows, cols) + loPlaneBytes(rows, cols)
    default:
      return encoding satisfies never
  }
}

/** Bytes of `cols` quantised activations of one token. */
export function xRecordsBytes(cols: number): number {
  return (padCols(cols) / 32) * X_RECORD_BYTES
}
