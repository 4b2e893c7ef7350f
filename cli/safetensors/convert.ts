import type { Dtype } from './header.ts'

/**
 * Stored elements to f32, exactly: both 16-bit types are subsets of it, subnormals included.
 * @param bytes little-endian elements; its buffer offset is a multiple of the element size.
 * @param into one f32 an element.
 * @returns the index of the first infinite or NaN element, −1 if all are finite.
 */
export function convertToF32(dtype: Dtype, bytes: Uint8Array, into: Float32Array): number {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length)
  switch (dtype) {
    case 'BF16':
      return convertBf16(new Uint16Array(bytes.buffer, bytes.byteOffset, bits.length), bits)
    case 'F16':
      return convertF16(new Uint16Array(bytes.buffer, bytes.byteOffset, bits.length), bits)
    case 'F32':
      return copyF32(new Uint32Array(bytes.buffer, bytes.byteOffset, bits.length), bits)
    default:
      return dtype satisfies never
  }
}

/** An all-ones exponent is infinite or NaN, in each of the three formats. */
const F32_EXPONENT = 0x7f800000
const BF16_EXPONENT = 0x7f80
const F16_EXPONENT = 0x7c00

/** bf16 is the upper half of an f32. */
function convertBf16(from: Uint16Array, into: Uint32Array): number {
  for (let i = 0; i < into.length; i++) {
    const half = from[i]!
    if ((half & BF16_EXPONENT) === BF16_EXPONENT) return i
    into[i] = half << 16
  }
  return -1
}

function convertF16(from: Uint16Array, into: Uint32Array): number {
  for (let i = 0; i < into.length; i++) {
    const half = from[i]!
    if ((half & F16_EXPONENT) === F16_EXPONENT) return i
    into[i] = f32BitsOfF16(half)
  }
  return -1
}

function copyF32(from: Uint32Array, into: Uint32Array): number {
  for (let i = 0; i < into.length; i++) {
    const word = from[i]!
    if ((word & F32_EXPONENT) === F32_EXPONENT) return i
    into[i] = word
  }
  return -1
}

/** f16: 1 sign, 5 exponent (bias 15), 10 mantissa bits. Exponent 0 is mantissa · 2^−24, which f32 has as a normal number. */
function f32BitsOfF16(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half & F16_EXPONENT) >> 10
  const mantissa = half & 0x3ff
  if (exponent > 0) return sign | ((exponent + 127 - 15) << 23) | (mantissa << 13)
  if (mantissa === 0) return sign
  const shift = Math.clz32(mantissa) - 21 // brings the leading one to bit 10, the place of a normal number's hidden one
  return sign | ((1 - shift + 127 - 15) << 23) | (((mantissa << shift) & 0x3ff) << 13)
}
