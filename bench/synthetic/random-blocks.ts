/** Unsigned 32-bit numbers, uniform; same seed, same numbers. */
export type Random32 = () => number

/** Mulberry32 (T. Ettinger): weights need no more. */
export function createRandom32(seed: number): Random32 {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return (z ^ (z >>> 14)) >>> 0
  }
}

/** Uniform in ± half of `width`. */
export function randomFloats(random: Random32, count: number, width: number): Float32Array {
  return Float32Array.from({ length: count }, () => (random() / 2 ** 32 - 0.5) * width)
}

const POOL_BYTES = 4 * 1024 * 1024

/**
 * Quantised weights by the gigabyte: tensors are runs cut out of one pool of random blocks at pseudo-random blocks, so a model is made at
 * the speed of copying. No two tensors begin alike, and no cache holds the pool and the model.
 */
export interface BlockPool {
  /** The next `bytes`, a multiple of the block, as views of the pool. */
  cut(bytes: number): Iterable<Uint8Array>
}

/** @param finish makes a block of random bytes a good one: its scales at least, as random ones would be NaN, infinite or denormal, and slow. */
export function createBlockPool(random: Random32, blockBytes: number, finish: (block: Uint8Array) => void): BlockPool {
  const blocks = Math.floor(POOL_BYTES / blockBytes)
  const pool = new Uint8Array(blocks * blockBytes)
  new Uint32Array(pool.buffer, 0, pool.byteLength >> 2).forEach((_, i, words) => (words[i] = random()))
  for (let block = 0; block < blocks; block++) finish(pool.subarray(block * blockBytes, (block + 1) * blockBytes))
  return {
    *cut(bytes) {
      for (let left = bytes; left > 0;) {
        const from = (random() % blocks) * blockBytes
        const run = pool.subarray(from, Math.min(pool.byteLength, from + left))
        yield run
        left -= run.byteLength
      }
    },
  }
}

/**
 * Lets the codes of packed nibbles have the mean 8, that is weights the mean 0: code 0 becomes 8. With the mean of 0…15 every output would share
 * one large part, all tokens would end in one direction, and the router would choose the same few experts for all.
 */
export function centerNibbles(bytes: Uint8Array): void {
  for (const [i, byte] of bytes.entries()) bytes[i] = ((byte & 15) === 0 ? byte | 8 : byte) | (byte >> 4 === 0 ? 0x80 : 0)
}

/** Standard deviation of the codes 0…15: with weights of 1/sqrt(hidden) activations keep their size from layer to layer. */
const CODE_DEVIATION = 4.6

/** The scale that gives 4-bit codes weights of deviation 1/sqrt(hidden); of the nested 8-bit codes it is the scale of the hi plane too. */
export function blockScale(hidden: number): number {
  return 1 / Math.sqrt(hidden) / CODE_DEVIATION
}
