import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quantizeActivations } from '../../shared/core/activations.ts'
import { encodedBytes, HI_RECORD_BYTES, padCols, padRows, X_RECORD_BYTES, xRecordsBytes } from '../../shared/core/layout.ts'
import { decodeMatrix, encodeMatrix } from '../../shared/core/p8.ts'
import type { MatrixEncoding } from '../../shared/core/p8.ts'
import { KernelRig, onEveryBuild, randomFloats, sameBits } from './kernel-rig.ts'
import { linear } from './linear.ts'

const ENCODINGS = ['q4', 'q8', 'f32-matrix'] as const
/** Several row groups in each of the two streams, several blocks, widths and heights off the padding. */
const arbShape = fc.record({ seed: fc.nat(), rows: fc.integer({ min: 1, max: 70 }), cols: fc.integer({ min: 1, max: 200 }) })
const arbTokens = fc.integer({ min: 1, max: 33 })

describe.each(ENCODINGS)('%s', (encoding) => {
  it('[NU3] gemv has exactly the bits of the documented order, in every build', () => {
    fc.assert(
      fc.property(arbShape, ({ seed, rows, cols }) => {
        const weights = randomFloats(seed, rows * cols, 0.05)
        const x = randomFloats(seed + 1, cols)
        const y = onEveryBuild((rig) => multiply(rig, encoding, weights, x, rows, cols, 1, 0))
        const want = encoding === 'f32-matrix' ? orderedF32(weights, x, rows, cols) : orderedQuantized(encoding, weights, x, rows, cols)
        expect(sameBits(y, want)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('[NU1] gemv is the product of the decoded matrix and the dequantised activations', () => {
    fc.assert(
      fc.property(arbShape, ({ seed, rows, cols }) => {
        const weights = randomFloats(seed, rows * cols, 0.05)
        const x = randomFloats(seed + 1, cols)
        const y = multiply(new KernelRig('relaxed'), encoding, weights, x, rows, cols, 1, 0)
        const bytes = new Uint8Array(encodedBytes(encoding, rows, cols))
        encodeMatrix(weights, rows, cols, encoding, bytes)
        const decoded = decodeMatrix(bytes, encoding, rows, cols)
        const effective = encoding === 'f32-matrix' ? x : dequantized(x, cols)
        for (let r = 0; r < rows; r++) {
          let sum = 0
          let size = 1e-30
          for (let c = 0; c < cols; c++) {
            const product = decoded[r * cols + c]! * effective[c]!
            sum += product
            size += Math.abs(product)
          }
          expect(Math.abs(y[r]! - sum) / size).toBeLessThan(1e-6)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('[NU2] gemm gives every token the bits of its own gemv, for 1 to 33 tokens and strides beyond the row', () => {
    fc.assert(
      fc.property(arbShape, arbTokens, fc.integer({ min: 0, max: 3 }), ({ seed, rows, cols }, tokens, gap) => {
        const weights = randomFloats(seed, rows * cols, 0.05)
        const x = randomFloats(seed + 1, tokens * cols)
        const batch = onEveryBuild((rig) => multiply(rig, encoding, weights, x, rows, cols, tokens, gap))
        for (let t = 0; t < tokens; t++) {
          const alone = multiply(new KernelRig('plain'), encoding, weights, x.slice(t * cols, (t + 1) * cols), rows, cols, 1, 0)
          expect(sameBits(batch.slice(t * rows, (t + 1) * rows), alone)).toBe(true)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('[NU9] padded rows come out as zeros and nothing beyond them is written', () => {
    const [rows, cols, tokens] = [19, 45, 6]
    const rig = new KernelRig('relaxed')
    const w = rig.putMatrix(randomFloats(1, rows * cols), rows, cols, encoding)
    const x = putActivations(rig, randomFloats(2, tokens * cols), cols, tokens, 1)
    const stride = padRows(rows) + 4
    const y = rig.alloc(tokens * stride)
    linear(rig.k, w, x, y, stride * 4, tokens)
    for (let t = 0; t < tokens; t++) {
      const row = rig.take(y + t * stride * 4, stride)
      expect(Array.from(row.slice(rows, padRows(rows)))).toEqual(Array.from({ length: padRows(rows) - rows }, () => 0))
      expect(row.slice(0, padRows(rows)).some(Number.isNaN)).toBe(false)
      expect(Array.from(row.slice(padRows(rows))).every(Number.isNaN)).toBe(true)
    }
  })

  it('[NU3] one row of the matrix is decodeMatrix, bit for bit', () => {
    fc.assert(
      fc.property(arbShape, ({ seed, rows, cols }) => {
        const weights = randomFloats(seed, rows * cols, 0.05)
        const row = seed % rows
        const got = onEveryBuild((rig) => {
          const w = rig.putMatrix(weights, rows, cols, encoding)
          const y = rig.alloc(w.cols)
          if (encoding === 'q8') rig.k.row_q8(w.ptr, w.lo, row, w.cols, y)
          else if (encoding === 'q4') rig.k.row_q4(w.ptr, row, w.cols, y)
          else rig.k.row_f32(w.ptr, row, w.cols, y)
          return rig.take(y, w.cols)
        })
        const bytes = new Uint8Array(encodedBytes(encoding, rows, cols))
        encodeMatrix(weights, rows, cols, encoding, bytes)
        const want = decodeMatrix(bytes, encoding, rows, cols).subarray(row * cols, (row + 1) * cols)
        expect(sameBits(got.slice(0, cols), want)).toBe(true)
        expect(got.slice(cols).every((v) => v === 0)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})

/** Blocks of 32 columns at which the kernels' scratch holds 12 tokens, 8, 4 and none. */
it.each([101, 134, 135, 201, 202, 403, 404])('[NU2] gemm gives every token the bits of its own gemv with %i blocks, where the scratch is short', (blocks) => {
  const [rows, cols] = [16, blocks * 32 - 5]
  const weights = randomFloats(blocks, rows * cols, 0.05)
  const tokens = 15
  const x = randomFloats(blocks + 1, tokens * cols)
  for (const encoding of ['q4', 'q8'] as const) {
    const batch = onEveryBuild((rig) => multiply(rig, encoding, weights, x, rows, cols, tokens, 1))
    for (let t = 0; t < tokens; t++) {
      const alone = multiply(new KernelRig('plain'), encoding, weights, x.slice(t * cols, (t + 1) * cols), rows, cols, 1, 0)
      expect(sameBits(batch.slice(t * rows, (t + 1) * rows), alone)).toBe(true)
    }
  }
})

it('[PK4] a q8 matrix whose lo plane nobody reads serves as a q4 matrix', () => {
  const [rows, cols] = [33, 100]
  const weights = randomFloats(7, rows * cols, 0.05)
  const bytes = new Uint8Array(encodedBytes('q8', rows, cols))
  encodeMatrix(weights, rows, cols, 'q8', bytes)
  const hi = bytes.slice(0, encodedBytes('q4', rows, cols))
  const x = randomFloats(8, cols)
  const y = onEveryBuild((rig) => {
    const out = rig.alloc(padRows(rows))
    rig.k.gemv_q4(rig.putBytes(hi), putActivations(rig, x, cols, 1, 0).q8, out, padRows(rows), padCols(cols))
    return rig.take(out, rows)
  })
  const decoded = decodeMatrix(hi, 'q4', rows, cols)
  const effective = dequantized(x, cols)
  for (let r = 0; r < rows; r++) {
    const sum = effective.reduce((s, v, c) => s + v * decoded[r * cols + c]!, 0)
    expect(y[r]).toBeCloseTo(sum, 5)
  }
})

it('[NU3] integers stay exact at the ends of their ranges', () => {
  const [rows, cols] = [16, 64]
  for (const encoding of ['q4', 'q8'] as const) {
    for (const signs of [[1], [-1], [1, -1], [1, 1, -1, -1]]) {
      const weights = Float32Array.from({ length: rows * cols }, (_, i) => (i % 3 === 0 ? -8 : 7) * (signs[i % signs.length]! > 0 ? 1 : -0.875))
      const x = Float32Array.from({ length: cols }, (_, c) => 127 * signs[c % signs.length]!)
      const want = orderedQuantized(encoding, weights, x, rows, cols)
      for (const tokens of [1, 2, 3, 4, 8]) {
        const y = onEveryBuild((rig) => multiply(rig, encoding, weights, repeat(x, tokens), rows, cols, tokens, 0))
        expect(sameBits(y, repeat(want, tokens))).toBe(true)
      }
    }
  }
})

function repeat(row: Float32Array, times: number): Float32Array {
  return Float32Array.from({ length: row.length * times }, (_, i) => row[i % row.length]!)
}

/** y [tokens, rows], unpadded. `gap`: records or vectors between the rows of x, vectors between those of y. */
function multiply(
  rig: KernelRig,
  encoding: MatrixEncoding,
  weights: Float32Array,
  x: Float32Array,
  rows: number,
  cols: number,
  tokens: number,
  gap: number,
): Float32Array {
  const w = rig.putMatrix(weights, rows, cols, encoding)
  const activations = putActivations(rig, x, cols, tokens, gap)
  const yStride = w.rows + 4 * gap
  const y = rig.alloc(tokens * yStride)
  if (tokens > 1) linear(rig.k, w, activations, y, yStride * 4, tokens)
  else if (encoding === 'q8') rig.k.gemv_q8(w.ptr, w.lo, activations.q8, y, w.rows, w.cols)
  else if (encoding === 'q4') rig.k.gemv_q4(w.ptr, activations.q8, y, w.rows, w.cols)
  else rig.k.gemv_f32(w.ptr, activations.f32, y, w.rows, w.cols)
  return rig.takeRows(y, tokens, rows, yStride)
}

/** Both forms of x [tokens, cols]; the int8 records by the TypeScript quantiser. */
function putActivations(rig: KernelRig, x: Float32Array, cols: number, tokens: number, gap: number) {
  const f32Stride = (padCols(cols) + 4 * gap) * 4
  const q8Stride = xRecordsBytes(cols) + X_RECORD_BYTES * gap
  const q8 = rig.arena.alloc(tokens * q8Stride, 'records')
  for (let t = 0; t < tokens; t++) quantizeActivations(x.subarray(t * cols, (t + 1) * cols), cols, rig.arena.u8(q8 + t * q8Stride, xRecordsBytes(cols)))
  return { f32: rig.putRows(x, tokens, padCols(cols), f32Stride / 4), f32Stride, q8, q8Stride }
}

function records(x: Float32Array, cols: number): DataView {
  const bytes = new Uint8Array(xRecordsBytes(cols))
  quantizeActivations(x, cols, bytes)
  return new DataView(bytes.buffer)
}

function dequantized(x: Float32Array, cols: number): Float32Array {
  const view = records(x, cols)
  const at = (c: number) => Math.floor(c / 32) * X_RECORD_BYTES
  return Float32Array.from({ length: cols }, (_, c) => view.getInt8(at(c) + (c % 32)) * view.getFloat32(at(c) + 32, true))
}

/** A multiply and an add a column, each rounded to f32. */
function orderedF32(weights: Float32Array, x: Float32Array, rows: number, cols: number): Float32Array {
  return Float32Array.from({ length: rows }, (_, r) => {
    let f = 0
    for (let c = 0; c < cols; c++) f = Math.fround(f + Math.fround(weights[r * cols + c]! * x[c]!))
    return f
  })
}

/** The integer dot of each block, then f + sum · (xScale · wScale), each operation rounded to f32. The codes are found from the decoded values. */
function orderedQuantized(encoding: 'q4' | 'q8', weights: Float32Array, x: Float32Array, rows: number, cols: number): Float32Array {
  const bytes = new Uint8Array(encodedBytes(encoding, rows, cols))
  encodeMatrix(weights, rows, cols, encoding, bytes)
  const decoded = decodeMatrix(bytes, encoding, rows, cols)
  const stored = new DataView(bytes.buffer)
  const view = records(x, cols)
  const step = encoding === 'q8' ? 1 / 16 : 1
  return Float32Array.from({ length: rows }, (_, r) => {
    let f = 0
    for (let block = 0; block < padCols(cols) / 32; block++) {
      const record = (Math.floor(r / 8) * (padCols(cols) / 32) + block) * HI_RECORD_BYTES
      const word = stored.getUint32(record + 128 + 4 * (r % 4), true)
      const scale = new Float32Array(Uint32Array.of(r % 8 < 4 ? word << 16 : word).buffer)[0]!
      let sum = 0
      for (let c = 32 * block; c < Math.min(cols, 32 * block + 32); c++) {
        sum += Math.round(decoded[r * cols + c]! / (scale * step)) * view.getInt8(block * X_RECORD_BYTES + (c % 32))
      }
      f = Math.fround(f + Math.fround(sum * Math.fround(view.getFloat32(block * X_RECORD_BYTES + 32, true) * scale)))
    }
    return f * step
  })
}
