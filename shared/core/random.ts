/** Philox's multipliers and the two Weyl constants that its key moves by in each round. */
const M0 = 0xd2511f53
const M1 = 0xcd9e8d57
const W0 = 0x9e3779b9
const W1 = 0xbb67ae85
const ROUNDS = 10

/**
 * The random number of one sampling decision, in [0, 1): a pure function, so nothing is shared and a token can be drawn again
 * after a reset. Philox keyed by (seed, choice) at counter `position`; 53 bits. Arguments are taken modulo 2^32. SPEC NU6.
 */
export function uniform(seed: number, choice: number, position: number): number {
  const [high, low] = philox4x32([position, 0, 0, 0], [seed, choice])
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}

/** Philox4x32-10: four unsigned 32-bit words. Source: Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011). */
export function philox4x32(counter: readonly [number, number, number, number], key: readonly [number, number]): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(M0, c0)
    const low0 = Math.imul(M0, c0)
    const high1 = mulHigh(M1, c2)
    const low1 = Math.imul(M1, c2)
    c0 = high1 ^ c1 ^ k0
    c1 = low1
    c2 = high0 ^ c3 ^ k1
    c3 = low0
    k0 = (k0 + W0) | 0
    k1 = (k1 + W1) | 0
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0]
}

/** Upper 32 bits of the unsigned product, by 16-bit halves: every intermediate stays below 2^53. */
function mulHigh(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff]
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536)
  const carried = aLow * bHigh + (middle % 65536)
  return aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carried / 65536)
}
