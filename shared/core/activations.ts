import { COL_PAD, padCols, X_RECORD_BYTES, xRecordsBytes } from './layout.ts'
import { ZERO_BLOCK_BELOW } from './records.ts'

/**
 * Quantises one token's activations, with the bits of the kernel `quantize_rows`.
 * @param x [cols] f32; columns from `cols` to the padding count as zeros.
 * @param out exactly `xRecordsBytes(cols)`: a record of 48 bytes for 32 columns, little-endian:
 * 32 int8 in ±127 | f32 scale = amax/127 | i32 −8·Σ | i16 −8·Σ of columns c % 4 < 2 | i16 the same for c % 4 ≥ 2 | 4 zero bytes.
 * The sums are the zero point of the weight codes, paid once a block. A NaN or an infinity makes the scale NaN or infinite: it shows in the output.
 */
export function quantizeActivations(x: Float32Array, cols: number, out: Uint8Array): void {
  if (x.length < cols) throw new RangeError(`activations: got ${x.length}, want ${cols}`)
  if (out.byteLength !== xRecordsBytes(cols)) throw new RangeError(`records: got ${out.byteLength} bytes, want ${xRecordsBytes(cols)}`)
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
  const block = new Float32Array(COL_PAD)
  for (let col = 0, record = 0; col < padCols(cols); col += COL_PAD, record += X_RECORD_BYTES) {
    block.fill(0)
    block.set(x.subarray(col, Math.min(cols, col + COL_PAD)))
    quantizeRecord(block, view, record)
  }
}

function quantizeRecord(block: Float32Array, view: DataView, record: number): void {
  let amax = 0
  for (const v of block) amax = Math.max(amax, Math.abs(v))
  const zero = amax < Math.fround(ZERO_BLOCK_BELOW)
  const scale = zero ? 0 : Math.fround(amax / 127)
  const inverse = zero ? 0 : Math.fround(127 / amax)
  let first = 0
  let second = 0
  for (let c = 0; c < COL_PAD; c++) {
    const code = roundToEven(Math.fround(block[c]! * inverse)) | 0
    view.setInt8(record + c, code)
    if (c % 4 < 2) first += code
    else second += code
  }
  view.setFloat32(record + 32, scale, true)
  view.setInt32(record + 36, -8 * (first + second), true)
  view.setInt16(record + 40, -8 * first, true)
  view.setInt16(record + 42, -8 * second, true)
  view.setInt32(record + 44, 0, true)
}

/** Nearest integer, halves to even, for |v| < 2^22: the addition leaves no bits below one, so f32 rounds there. */
function roundToEven(v: number): number {
  const shift = 12582912
  return Math.fround(Math.fround(v + shift) - shift)
}
