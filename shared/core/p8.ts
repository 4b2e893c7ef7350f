import { BLOCK, quantizeBlock, scaleFromBits } from './quantizer.ts'
import { encodedBytes, HI_RECORD_BYTES, hiPlaneBytes, LO_RECORD_BYTES, padCols, padRows } from './layout.ts'

/** Codec of the stored matrices. Bit layout with an example: docs/design/pack-layout.md. All numbers little-endian. */
export type MatrixEncoding = 'q8' | 'q4' | 'f32-matrix'

const GROUP_ROWS = 8
const SCALES_OFFSET = 128

/**
 * Encodes a matrix.
 * @param values [rows, cols] row-major, unpadded, finite.
 * @param out exactly `encodedBytes(encoding, rows, cols)`; every byte is written, padding rows and columns as zeros.
 */
export function encodeMatrix(values: Float32Array, rows: number, cols: number, encoding: MatrixEncoding, out: Uint8Array): void {
  assertLength('values', values.length, rows * cols)
  assertLength('encoded bytes', out.byteLength, encodedBytes(encoding, rows, cols))
  if (encoding === 'f32-matrix') encodeF32(values, rows, cols, out)
  else encodePlanes(values, rows, cols, encoding, out)
}

/** The real values [rows, cols] that the kernels compute with; the inverse of `encodeMatrix` up to quantisation. Owned by the caller. */
export function decodeMatrix(bytes: Uint8Array, encoding: MatrixEncoding, rows: number, cols: number): Float32Array {
  assertLength('encoded bytes', bytes.byteLength, encodedBytes(encoding, rows, cols))
  return encoding === 'f32-matrix' ? decodeF32(bytes, rows, cols) : decodePlanes(bytes, rows, cols, encoding)
}

/** Encodes a vector: f32, zero padded to `encodedBytes('f32-vector', 1, values.length)`. */
export function encodeVector(values: Float32Array, out: Uint8Array): void {
  assertLength('encoded bytes', out.byteLength, encodedBytes('f32-vector', 1, values.length))
  const view = viewOf(out)
  for (let i = 0; i < out.byteLength / 4; i++) view.setFloat32(4 * i, i < values.length ? values[i]! : 0, true)
}

export function decodeVector(bytes: Uint8Array, cols: number): Float32Array {
  assertLength('encoded bytes', bytes.byteLength, encodedBytes('f32-vector', 1, cols))
  const view = viewOf(bytes)
  return Float32Array.from({ length: cols }, (_, i) => view.getFloat32(4 * i, true))
}

/** Groups of 8 rows; in a group, for each column, the 8 weights of its rows. So a kernel's lane is a row and columns are summed in order. */
function encodeF32(values: Float32Array, rows: number, cols: number, out: Uint8Array): void {
  const view = viewOf(out)
  out.fill(0)
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) view.setFloat32(f32Offset(row, col, cols), values[row * cols + col]!, true)
  }
}

function decodeF32(bytes: Uint8Array, rows: number, cols: number): Float32Array {
  const view = viewOf(bytes)
  const values = new Float32Array(rows * cols)
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) values[row * cols + col] = view.getFloat32(f32Offset(row, col, cols), true)
  }
  return values
}

function f32Offset(row: number, col: number, cols: number): number {
  const group = Math.floor(row / GROUP_ROWS)
  return 4 * ((group * padCols(cols) + col) * GROUP_ROWS + (row % GROUP_ROWS))
}

/** Records of 8 rows × 32 columns, over the columns, then over the row groups; the lo plane, if any, follows the whole hi plane. */
function encodePlanes(values: Float32Array, rows: number, cols: number, encoding: 'q8' | 'q4', out: Uint8Array): void {
  const block = new Float64Array(BLOCK)
  const hi = new Uint8Array(BLOCK)
  const lo = new Uint8Array(BLOCK)
  const scaleBits = new Uint16Array(GROUP_ROWS)
  let hiRecord = 0
  let loRecord = hiPlaneBytes(rows, cols)
  out.fill(0)
  for (let group = 0; group < padRows(rows); group += GROUP_ROWS) {
    for (let col = 0; col < padCols(cols); col += BLOCK) {
      for (let r = 0; r < GROUP_ROWS; r++) {
        fillBlock(block, values, rows, cols, group + r, col)
        // Rows 4–7 are quantised after rows 0–3: the lower bits of their scales are the scales of those.
        scaleBits[r] = quantizeBlock(block, encoding, r < 4 ? 0 : scaleBits[r - 4]!, hi, lo)
        out[hiRecord + scaleOffset(r)] = scaleBits[r]! & 255
        out[hiRecord + scaleOffset(r) + 1] = scaleBits[r]! >> 8
        writeNibbles(out, hiRecord, r, hi)
        if (encoding === 'q8') writeNibbles(out, loRecord, r, lo)
      }
      hiRecord += HI_RECORD_BYTES
      loRecord += LO_RECORD_BYTES
    }
  }
}

function fillBlock(block: Float64Array, values: Float32Array, rows: number, cols: number, row: number, col: number): void {
  const count = row < rows ? Math.min(BLOCK, cols - col) : 0
  for (let i = 0; i < count; i++) block[i] = values[row * cols + col + i]!
  block.fill(0, count)
}

function decodePlanes(bytes: Uint8Array, rows: number, cols: number, encoding: 'q8' | 'q4'): Float32Array {
  const view = viewOf(bytes)
  const values = new Float32Array(rows * cols)
  const loPlane = hiPlaneBytes(rows, cols)
  const blocks = padCols(cols) / BLOCK
  for (let row = 0; row < rows; row++) {
    const r = row % GROUP_ROWS
    for (let col = 0; col < cols; col++) {
      const record = Math.floor(row / GROUP_ROWS) * blocks + Math.floor(col / BLOCK)
      const hiRecord = record * HI_RECORD_BYTES
      const lower = r < 4 ? 0 : view.getUint16(hiRecord + scaleOffset(r - 4), true)
      const scale = scaleFromBits(view.getUint16(hiRecord + scaleOffset(r), true), lower)
      const hi = readNibble(bytes, hiRecord, r, col % BLOCK) - 8
      const lo = encoding === 'q8' ? readNibble(bytes, loPlane + record * LO_RECORD_BYTES, r, col % BLOCK) - 8 : 0
      values[row * cols + col] = encoding === 'q8' ? (16 * hi + lo) * (scale / 16) : hi * scale
    }
  }
  return values
}

/** Word r % 4 of the scales holds the bf16 of row r in its lower half and of row r + 4 in its upper half. */
function scaleOffset(r: number): number {
  return SCALES_OFFSET + 4 * (r % 4) + 2 * (r >> 2)
}

/** Byte of row r, column c: vector (c / 8, r / 4), then row in the quad, then c % 4. Columns c % 8 < 4 are its low nibble. */
function nibbleOffset(r: number, c: number): number {
  return 16 * (2 * (c >> 3) + (r >> 2)) + 4 * (r & 3) + (c & 3)
}

function writeNibbles(out: Uint8Array, record: number, r: number, codes: Uint8Array): void {
  for (let c = 0; c < BLOCK; c += 8) {
    for (let i = c; i < c + 4; i++) out[record + nibbleOffset(r, i)] = codes[i]! | (codes[i + 4]! << 4)
  }
}

function readNibble(bytes: Uint8Array, record: number, r: number, c: number): number {
  const byte = bytes[record + nibbleOffset(r, c)]!
  return (c & 4) === 0 ? byte & 15 : byte >> 4
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function assertLength(what: string, got: number, want: number): void {
  if (got !== want) throw new RangeError(`${what}: got ${got}, want ${want}`)
}
