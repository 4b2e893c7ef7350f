/**
 * Scale and codes of one block: 32 weights of one row. The objective and its reasons: docs/design/pack-layout.md.
 * q4: w ≈ scale · (hi − 8). q8: w ≈ scale/16 · (16·(hi − 8) + (lo − 8)); hi alone is then the rounded 4-bit model of the same weights.
 */
export const BLOCK = 32

/**
 * Blocks below this magnitude become zero, so that every scale, and a sixteenth of it, is a normal number. Its product with the scale of tiny
 * activations (down to 2^-107) may still be denormal or zero; what is lost then is below 2^-110 a block.
 */
const TINY = 2 ** -64
/** Scale of a zero block, as the upper 16 bits of an f32: 2^-32. Its codes are all 8, so the value does not matter; a denormal would slow the kernels. */
const ZERO_SCALE_BITS = 0x2f80
/** |largest weight| / |scale|: where the largest weight lands on the 4-bit grid −8…7, when the scale's sign puts it on the long or the short side. */
const LONG_SIDE = [8.25, 7.75, 7.5, 7.25, 7, 6.75, 6.5, 6.25, 6, 8.5]
const SHORT_SIDE = [7, 7.25, 7.5, 6.75, 6.5, 6.25, 6, 5.75, 5.5]
/** Stored neighbours tried on either side of the best of those; one step is 0.4 to 0.8 % of the scale. */
const NEIGHBOURS = 4
/** Range of the nested 8-bit code 16·(hi − 8) + (lo − 8). */
const Q8_MIN = -136
const Q8_MAX = 119
/**
 * Weight of the 8-bit error against the error of hi alone; pack-layout.md has the measured trade.
 * Clipping one weight by half a 4-bit step costs as much as the 4-bit rounding of 190 weights.
 */
const Q8_WEIGHT = 64

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

/** The f32 that a kernel multiplies with: `upper` are the 16 stored bits, `lower` the 16 bits that lie under them in the same word. */
export function scaleFromBits(upper: number, lower: number): number {
  word[0] = ((upper << 16) | lower) >>> 0
  return float[0]!
}

/**
 * Quantises one block.
 * @param block [32] finite weights.
 * @param lower bits under the scale in its word: 0 for rows 0–3 of a record, the scale bits of the row four above for rows 4–7.
 * @param hi [32] codes 0…15, written; `lo` likewise, only for q8.
 * @returns the upper 16 bits of the scale. Same block, same result: ties go to the candidate tried first.
 */
export function quantizeBlock(block: Float64Array, encoding: 'q4' | 'q8', lower: number, hi: Uint8Array, lo: Uint8Array): number {
  const largest = largestMagnitude(block)
  if (Math.abs(largest) < TINY) {
    hi.fill(8)
    lo.fill(8)
    return ZERO_SCALE_BITS
  }
  const upper = searchScale(block, largest, encoding, lower)
  const scale = scaleFromBits(upper, lower)
  if (encoding === 'q8') codesQ8(block, scale, hi, lo)
  else codesQ4(block, scale, hi)
  return upper
}

/** The signed weight of the largest magnitude, the first of equals. */
function largestMagnitude(block: Float64Array): number {
  let largest = 0
  for (let i = 0; i < BLOCK; i++) {
    const w = block[i]!
    if (!Number.isFinite(w)) throw new RangeError('weights must be finite')
    if (Math.abs(w) > Math.abs(largest)) largest = w
  }
  return largest
}

function searchScale(block: Float64Array, largest: number, encoding: 'q4' | 'q8', lower: number): number {
  let best = nearestBits(-largest / 8, lower)
  let bestError = blockError(block, scaleFromBits(best, lower), encoding)
  const tryBits = (bits: number): void => {
    const error = blockError(block, scaleFromBits(bits, lower), encoding)
    if (error >= bestError) return
    bestError = error
    best = bits
  }
  for (const divisor of LONG_SIDE) tryBits(nearestBits(-largest / divisor, lower))
  for (const divisor of SHORT_SIDE) tryBits(nearestBits(largest / divisor, lower))
  const centre = best
  for (let step = 1; step <= NEIGHBOURS; step++) {
    tryBits(centre - step)
    tryBits(centre + step)
  }
  return best
}

/** The upper bits whose word, with `lower` below them, is nearest to `scale`. */
function nearestBits(scale: number, lower: number): number {
  float[0] = scale
  return (word[0]! - lower + 0x8000) >>> 16
}

function blockError(block: Float64Array, scale: number, encoding: 'q4' | 'q8'): number {
  return encoding === 'q8' ? errorQ8(block, scale) : errorQ4(block, scale)
}

/** Squared error of the 4-bit codes. */
function errorQ4(block: Float64Array, scale: number): number {
  const inverse = 1 / scale
  let sum = 0
  for (let i = 0; i < BLOCK; i++) {
    const v = block[i]! * inverse
    const d = v - roundTo(v, -8, 7)
    sum += d * d
  }
  return sum * scale * scale
}

/** Squared error of hi alone plus Q8_WEIGHT times that of the 8-bit codes, so that one object serves both tiers. */
function errorQ8(block: Float64Array, scale: number): number {
  const inverse = 16 / scale
  let sum = 0
  for (let i = 0; i < BLOCK; i++) {
    const v = block[i]! * inverse
    const code = roundTo(v, Q8_MIN, Q8_MAX)
    const d8 = v - code
    const d4 = v - 16 * ((code + 8) >> 4)
    sum += Q8_WEIGHT * d8 * d8 + d4 * d4
  }
  return sum * scale * scale
}

function codesQ4(block: Float64Array, scale: number, hi: Uint8Array): void {
  for (let i = 0; i < BLOCK; i++) hi[i] = roundTo(block[i]! * (1 / scale), -8, 7) + 8
}

/** hi is the nearest multiple of 16, so lo is the signed residual −8…7. */
function codesQ8(block: Float64Array, scale: number, hi: Uint8Array, lo: Uint8Array): void {
  for (let i = 0; i < BLOCK; i++) {
    const code = roundTo(block[i]! * (16 / scale), Q8_MIN, Q8_MAX)
    const coarse = (code + 8) >> 4
    hi[i] = coarse + 8
    lo[i] = code - 16 * coarse + 8
  }
}

function roundTo(v: number, min: number, max: number): number {
  const rounded = Math.floor(v + 0.5)
  return rounded < min ? min : rounded > max ? max : rounded
}
