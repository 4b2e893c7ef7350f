import { expect, it } from 'vitest'
import { convertToF32 } from './convert.ts'

/** The value of a 16-bit float by its definition, in double arithmetic. */
function valueOf(bits: number, exponentBits: number, mantissaBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1
  const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1)
  const fraction = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits
  const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias)
  return bits & 0x8000 ? -magnitude : magnitude
}

for (const { dtype, exponentBits, mantissaBits } of [
  { dtype: 'BF16', exponentBits: 8, mantissaBits: 7 },
  { dtype: 'F16', exponentBits: 5, mantissaBits: 10 },
] as const) {
  const special = (2 ** exponentBits - 1) << mantissaBits
  const codes = Uint16Array.from({ length: 65536 }, (_, i) => i)

  it(`[PK5] ${dtype}: every finite code has its exact value, subnormals and signed zeros included`, () => {
    const finite = codes.filter((bits) => (bits & special) !== special)
    const got = new Float32Array(finite.length)
    expect(convertToF32(dtype, new Uint8Array(finite.buffer), got)).toBe(-1)
    const wrong = finite.filter((bits, i) => !Object.is(got[i], valueOf(bits, exponentBits, mantissaBits)))
    expect([...wrong]).toEqual([])
  })

  it(`[PK5] ${dtype}: every infinite or NaN code is found where it is`, () => {
    const missed = codes
      .filter((bits) => (bits & special) === special)
      .filter((bits) => convertToF32(dtype, new Uint8Array(Uint16Array.of(0, bits, 0).buffer), new Float32Array(3)) !== 1)
    expect([...missed]).toEqual([])
  })
}

it('[PK5] F32: values keep their bits, subnormals included; infinity and NaN are found', () => {
  const values = Float32Array.of(0, -0, 1.5, 1e-45, -1e-40, 3.4028234663852886e38)
  const got = new Float32Array(values.length)
  expect(convertToF32('F32', new Uint8Array(values.buffer), got)).toBe(-1)
  expect(new Uint32Array(got.buffer)).toEqual(new Uint32Array(values.buffer))
  for (const bad of [Infinity, -Infinity, NaN]) {
    expect(convertToF32('F32', new Uint8Array(Float32Array.of(1, 2, bad).buffer), new Float32Array(3))).toBe(2)
  }
})
