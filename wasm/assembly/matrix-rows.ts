import { HI_RECORD_BYTES, LO_RECORD_BYTES } from '../../shared/core/records.ts'

/**
 * One row of a stored matrix as f32: y[cols] = W[row], the embedding of a token. cols % 32 = 0, `row` within the matrix.
 * The values are those of decodeMatrix (shared/core/p8.ts), bit for bit. Layouts: gemv_q4, gemv_q8, gemv_f32.
 */
export function row_q4(w: usize, row: i32, cols: i32, y: usize): void {
  const blocks = <usize>cols >> 5
  let record = w + (<usize>row >> 3) * blocks * HI_RECORD_BYTES
  for (let b: usize = 0; b < blocks; b++, record += HI_RECORD_BYTES, y += 128) {
    const scale = scaleOf(record, row)
    for (let c = 0; c < 32; c++) store<f32>(y + (<usize>c << 2), <f32>(code(record, row, c) - 8) * scale)
  }
}

export function row_q8(hi: usize, lo: usize, row: i32, cols: i32, y: usize): void {
  const blocks = <usize>cols >> 5
  let hiRecord = hi + (<usize>row >> 3) * blocks * HI_RECORD_BYTES
  let loRecord = lo + (<usize>row >> 3) * blocks * LO_RECORD_BYTES
  for (let b: usize = 0; b < blocks; b++, hiRecord += HI_RECORD_BYTES, loRecord += LO_RECORD_BYTES, y += 128) {
    const scale = scaleOf(hiRecord, row) * <f32>0.0625
    for (let c = 0; c < 32; c++) {
      const nested = 16 * (code(hiRecord, row, c) - 8) + code(loRecord, row, c) - 8
      store<f32>(y + (<usize>c << 2), <f32>nested * scale)
    }
  }
}

export function row_f32(w: usize, row: i32, cols: i32, y: usize): void {
  const weights = w + ((<usize>row >> 3) * <usize>cols * 8 + (<usize>row & 7)) * 4
  for (let c: usize = 0; c < <usize>cols; c++) store<f32>(y + c * 4, load<f32>(weights + c * 32))
}

/** Rows 0–3 of a record: the lower half of their word, as bf16. Rows 4–7: the whole word of the row four above, as f32. */
@inline function scaleOf(record: usize, row: i32): f32 {
  const word = load<u32>(record + (<usize>(row & 3) << 2), 128)
  return reinterpret<f32>((row & 4) == 0 ? word << 16 : word)
}

/** 0…15: byte 4·(row % 4) + c % 4 of vector (c / 8, row / 4); its upper half for c % 8 ≥ 4. */
@inline function code(record: usize, row: i32, c: i32): i32 {
  const byte = load<u8>(record + <usize>((c >> 3 << 5) + ((row & 4) << 2) + ((row & 3) << 2) + (c & 3)))
  return (c & 4) == 0 ? byte & 15 : byte >> 4
}
