import fc from 'fast-check'
import { expect, it } from 'vitest'
import { quantizeActivations } from './activations.ts'
import { X_RECORD_BYTES, xRecordsBytes } from './layout.ts'

it('[NU3] codes are the nearest multiples of amax/127, and the sums are theirs', () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e6), max: Math.fround(1e6) }), { minLength: 1, maxLength: 100 }),
      (values) => {
        const x = Float32Array.from(values)
        const view = quantize(x)
        for (let record = 0; record * X_RECORD_BYTES < view.byteLength; record++) {
          const at = record * X_RECORD_BYTES
          const block = Array.from({ length: 32 }, (_, c) => x[record * 32 + c] ?? 0)
          const codes = block.map((_, c) => view.getInt8(at + c))
          const amax = Math.max(...block.map(Math.abs))
          const scale = view.getFloat32(at + 32, true)
          expect(scale).toBe(amax < 1e-30 ? 0 : Math.fround(amax / 127))
          block.forEach((v, c) => expect(Math.abs(v - codes[c]! * scale)).toBeLessThanOrEqual(0.5001 * scale + 1e-30))
          const sum = (half: number) => codes.reduce((s, code, c) => s + ((c & 2) === half ? code : 0), 0)
          expect(view.getInt32(at + 36, true)).toBe(-8 * (sum(0) + sum(2)) + 0)
          expect([view.getInt16(at + 40, true), view.getInt16(at + 42, true)]).toEqual([-8 * sum(0) + 0, -8 * sum(2) + 0])
          expect(view.getInt32(at + 44, true)).toBe(0)
        }
      },
    ),
  )
})

it('[NU3] halves go to even, and the largest is ±127', () => {
  const view = quantize(Float32Array.of(127, 0.5, 1.5, 2.5, -0.5, -1.5, -126.5, -127))
  expect(Array.from({ length: 8 }, (_, c) => view.getInt8(c))).toEqual([127, 0, 2, 2, 0, -2, -126, -127])
  expect(view.getFloat32(32, true)).toBe(1)
})

it('[NU9] columns beyond the width and blocks that vanish are zeros', () => {
  const x = new Float32Array(40).fill(1)
  const view = quantize(x.subarray(0, 33))
  expect(Array.from({ length: 32 }, (_, c) => view.getInt8(X_RECORD_BYTES + c))).toEqual([127, ...Array.from({ length: 31 }, () => 0)])
  for (const tiny of [0, 9e-31, 1e-45]) {
    const zeros = quantize(new Float32Array(32).fill(tiny))
    expect(new Uint8Array(zeros.buffer).every((byte) => byte === 0)).toBe(true)
  }
})

it('[NU3] what is not finite shows in the scale, so that no output hides it', () => {
  const x = new Float32Array(32).fill(1)
  x[7] = NaN
  expect(quantize(x).getFloat32(32, true)).toBeNaN()
  x[7] = -Infinity
  expect(quantize(x).getFloat32(32, true)).toBe(Infinity)
})

it('[NU3] refuses buffers of the wrong length', () => {
  expect(() => quantizeActivations(new Float32Array(31), 32, new Uint8Array(48))).toThrow(/activations: got 31, want 32/)
  expect(() => quantizeActivations(new Float32Array(32), 32, new Uint8Array(47))).toThrow(/records: got 47 bytes, want 48/)
})

function quantize(x: Float32Array): DataView {
  const out = new Uint8Array(xRecordsBytes(x.length)).fill(255)
  quantizeActivations(x, x.length, out)
  return new DataView(out.buffer)
}
