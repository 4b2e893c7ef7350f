import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodedBytes, HI_RECORD_BYTES, hiPlaneBytes, LO_RECORD_BYTES, padCols, padRows } from './layout.ts'
import { decodeMatrix, decodeVector, encodeMatrix, encodeVector } from './p8.ts'
import type { MatrixEncoding } from './p8.ts'

const ENCODINGS = ['q4', 'q8', 'f32-matrix'] as const
const arbShape = fc.record({ seed: fc.nat(), rows: fc.integer({ min: 1, max: 40 }), cols: fc.integer({ min: 1, max: 100 }) })

describe('layout', () => {
  it('[PK1] writes the record of docs/design/pack-layout.md', () => {
    // Row 0 counts from −8 up with scale 1/4, row 4 is its double, row 1 is zero but for its last column.
    const values = new Float32Array(8 * 32)
    for (let c = 0; c < 32; c++) {
      values[c] = ((c % 16) - 8) / 4
      values[4 * 32 + c] = ((c % 16) - 8) / 2
    }
    values[32 + 31] = -2
    const bytes = encode(values, 8, 32, 'q4')
    // Vector 0, row 0: low nibbles columns 0–3 (codes 0 1 2 3), high nibbles columns 4–7 (codes 4 5 6 7).
    expect([...bytes.subarray(0, 4)]).toEqual([0x40, 0x51, 0x62, 0x73])
    // Vector 0, row 1: codes 8. Vector 1, row 4: as row 0. Vector 2, row 0: columns 8–15.
    expect([...bytes.subarray(4, 8)]).toEqual([0x88, 0x88, 0x88, 0x88])
    expect([...bytes.subarray(16, 20)]).toEqual([0x40, 0x51, 0x62, 0x73])
    expect([...bytes.subarray(32, 36)]).toEqual([0xc8, 0xd9, 0xea, 0xfb])
    // Vector 6, row 1: column 31 is the high nibble of the last byte, code 0.
    expect([...bytes.subarray(100, 104)]).toEqual([0x88, 0x88, 0x88, 0x08])
    // Scale word 0: row 0 is 0.25 = 0x3e80, row 4 above it, nearest to 0.5 with 0x3e80 below it: 0x3eff3e80 or 0x3f003e80.
    expect([...bytes.subarray(128, 132)]).toEqual([0x80, 0x3e, 0x00, 0x3f])
    const decoded = decodeMatrix(bytes, 'q4', 8, 32)
    expect([...decoded.subarray(0, 16)]).toEqual([...values.subarray(0, 16)])
    expect(decoded[4 * 32]).toBe(-8 * asFloat(0x3f003e80)) // −4.0076: the effective scale is the whole word
  })

  it('[PK4] keeps the lo plane after the whole hi plane, its nibbles in the same order', () => {
    const values = Float32Array.from({ length: 16 * 64 }, (_, i) => Math.sin(i))
    const bytes = encode(values, 16, 64, 'q8')
    const hi = bytes.subarray(0, hiPlaneBytes(16, 64))
    expect(bytes.length).toBe(4 * (HI_RECORD_BYTES + LO_RECORD_BYTES))
    const coarse = decodeMatrix(hi, 'q4', 16, 64)
    const fine = decodeMatrix(bytes, 'q8', 16, 64)
    // Record 3 (row group 1, columns 32–63), row 13, column 45: vector 2·1 + 1, byte 4·1 + 1, high nibble.
    const [row, col] = [13, 45]
    const lo = (bytes[hi.length + 3 * LO_RECORD_BYTES + 16 * 3 + 4 + 1]! >> 4) - 8
    const scale = asFloat(new DataView(hi.buffer).getUint32(3 * HI_RECORD_BYTES + 128 + 4, true))
    expect(fine[row * 64 + col]! - coarse[row * 64 + col]!).toBeCloseTo((lo * scale) / 16, 6)
  })

  it('[NU4] keeps f32 matrices in groups of 8 rows, the 8 weights of a column together', () => {
    const values = Float32Array.from({ length: 10 * 3 }, (_, i) => i + 1)
    const floats = new Float32Array(encode(values, 10, 3, 'f32-matrix').buffer)
    expect([...floats.subarray(0, 9)]).toEqual([1, 4, 7, 10, 13, 16, 19, 22, 2])
    expect([...floats.subarray(32 * 8, 32 * 8 + 3)]).toEqual([25, 28, 0])
  })
})

describe.each(ENCODINGS)('%s', (encoding) => {
  it('[PK1] encodes alike twice, whatever the buffer held before', () => {
    const values = noise(3, 20 * 50)
    const out = new Uint8Array(encodedBytes(encoding, 20, 50)).fill(255)
    encodeMatrix(values, 20, 50, encoding, out)
    expect(out).toEqual(encode(values, 20, 50, encoding))
  })

  it('[NU9] padding decodes to zeros', () => {
    fc.assert(
      fc.property(arbShape, ({ seed, rows, cols }) => {
        const bytes = encode(noise(seed, rows * cols), rows, cols, encoding)
        const padded = decodeMatrix(bytes, encoding, padRows(rows), padCols(cols))
        const isPadding = (i: number) => i % padCols(cols) >= cols || i >= rows * padCols(cols)
        expect(padded.every((v, i) => !isPadding(i) || v === 0)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('[PK1] reads and writes through views that begin at odd bytes', () => {
    const values = noise(4, 9 * 33)
    const size = encodedBytes(encoding, 9, 33)
    const out = new Uint8Array(size + 5).subarray(3, 3 + size)
    encodeMatrix(values, 9, 33, encoding, out)
    expect(new Uint8Array(out)).toEqual(encode(values, 9, 33, encoding))
    expect(decodeMatrix(out, encoding, 9, 33)).toEqual(decodeMatrix(encode(values, 9, 33, encoding), encoding, 9, 33))
  })

  it('[PK5] refuses buffers and values of the wrong length', () => {
    expect(() => encodeMatrix(new Float32Array(31), 1, 32, encoding, new Uint8Array(encodedBytes(encoding, 1, 32)))).toThrow(/values: got 31, want 32/)
    expect(() => encodeMatrix(new Float32Array(32), 1, 32, encoding, new Uint8Array(8))).toThrow(/encoded bytes: got 8/)
    expect(() => decodeMatrix(new Uint8Array(8), encoding, 1, 32)).toThrow(/encoded bytes: got 8/)
  })
})

describe('quantiser', () => {
  it('[NU1] f32 comes back exactly', () => {
    const values = noise(5, 13 * 40)
    expect(decodeMatrix(encode(values, 13, 40, 'f32-matrix'), 'f32-matrix', 13, 40)).toEqual(values)
  })

  it('[PK4] q4, and hi alone of q8, are no worse than rounding to nearest with amax/8; q8 is 12 times better', () => {
    for (const [name, values] of Object.entries(distributions())) {
      const plain = plainError(values, 64, 96)
      const q8 = encode(values, 64, 96, 'q8')
      expect(error(values, decodeMatrix(encode(values, 64, 96, 'q4'), 'q4', 64, 96)), name).toBeLessThanOrEqual(plain)
      expect(error(values, decodeMatrix(q8.subarray(0, hiPlaneBytes(64, 96)), 'q4', 64, 96)), name).toBeLessThanOrEqual(plain)
      expect(error(values, decodeMatrix(q8, 'q8', 64, 96)), name).toBeLessThan(plain / 12)
    }
  })

  it('[PK4] no q8 weight is off by more than 1/60 of its block’s largest: a little clipping, for the sake of hi alone', () => {
    fc.assert(
      fc.property(arbShape, ({ seed, rows, cols }) => {
        const values = noise(seed, rows * cols)
        const decoded = decodeMatrix(encode(values, rows, cols, 'q8'), 'q8', rows, cols)
        for (let row = 0; row < rows; row++) {
          for (let col = 0; col < cols; col += 32) {
            const [from, to] = [row * cols + col, row * cols + Math.min(cols, col + 32)]
            const largest = values.slice(from, to).reduce((max, v) => Math.max(max, Math.abs(v)), 0)
            for (let i = from; i < to; i++) expect(Math.abs(values[i]! - decoded[i]!)).toBeLessThanOrEqual(largest / 60)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  it('[NU9] zero and vanishing blocks decode to zeros, under a scale that is a normal number', () => {
    for (const value of [0, -0, 1e-45, 1e-25]) {
      const bytes = encode(new Float32Array(8 * 32).fill(value), 8, 32, 'q8')
      expect(decodeMatrix(bytes, 'q8', 8, 32).every((v) => v === 0)).toBe(true)
      expect(bytes.subarray(0, 128).every((byte) => byte === 0x88)).toBe(true)
      const word = new DataView(bytes.buffer).getUint32(128, true)
      for (const scale of [asFloat(word << 16), asFloat(word)]) expect(Math.abs(scale)).toBeGreaterThan(2 ** -126)
    }
  })

  it('[NU1] scales follow the weights over the whole range of f32', () => {
    for (const size of [1e-18, 1e-9, 1, 1e9, 1e37]) {
      const values = noise(6, 16 * 32).map((v) => v * size)
      expect(error(values, decodeMatrix(encode(values, 16, 32, 'q8'), 'q8', 16, 32))).toBeLessThan(0.01)
    }
  })

  it('[PK5] refuses weights that are not finite', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const values = new Float32Array(32).fill(1)
      values[17] = bad
      expect(() => encode(values, 1, 32, 'q8')).toThrow(/finite/)
    }
  })
})

it('[PK1] vectors are f32 with zero padding, and come back', () => {
  const values = noise(8, 37)
  const out = new Uint8Array(encodedBytes('f32-vector', 1, 37)).fill(255)
  encodeVector(values, out)
  expect([...new Float32Array(out.buffer)]).toEqual([...values, ...Array.from({ length: 27 }, () => 0)])
  expect(decodeVector(out, 37)).toEqual(values)
  expect(() => encodeVector(values, new Uint8Array(4))).toThrow(/encoded bytes/)
})

function encode(values: Float32Array, rows: number, cols: number, encoding: MatrixEncoding): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(encodedBytes(encoding, rows, cols))
  encodeMatrix(values, rows, cols, encoding, out)
  return out
}

/** About normal. Same seed, same numbers. */
function noise(seed: number, n: number): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return Float32Array.from({ length: n }, () => uniform() + uniform() + uniform() + uniform() - 2)
}

function distributions(): Record<string, Float32Array> {
  const normal = noise(1, 64 * 96)
  return {
    normal,
    uniform: normal.map((v) => v - Math.round(v)),
    'one-sided': normal.map(Math.abs),
    'heavy tails': normal.map((v) => v * v * v),
    'one outlier a block': normal.map((v, i) => (i % 32 === 5 ? 12 : v)),
  }
}

/** Relative root mean square. */
function error(values: Float32Array, decoded: Float32Array): number {
  let size = 0
  let sum = 0
  values.forEach((v, i) => {
    size += v * v
    sum += (v - decoded[i]!) ** 2
  })
  return Math.sqrt(sum / size)
}

/** Round to nearest with a signed scale that puts each block's largest weight at code −8, in full precision. cols % 32 = 0. */
function plainError(values: Float32Array, rows: number, cols: number): number {
  const decoded = new Float32Array(rows * cols)
  for (let from = 0; from < values.length; from += 32) {
    const block = values.slice(from, from + 32)
    const scale = block.reduce((max, v) => (Math.abs(v) > Math.abs(max) ? v : max), 0) / -8
    decoded.set(
      block.map((v) => Math.max(-8, Math.min(7, Math.round(v / scale))) * scale),
      from,
    )
  }
  return error(values, decoded)
}

function asFloat(word: number): number {
  return new Float32Array(Uint32Array.of(word).buffer)[0]!
}
