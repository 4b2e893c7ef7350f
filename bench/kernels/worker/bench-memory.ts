import { HI_RECORD_BYTES } from '../../../shared/core/layout.ts'
import { Arena, createMemory } from '../../../wasm/src/arena.ts'

/** Weights out of any cache that is ours alone. */
export const OUT_OF_CACHE_BYTES = 80_000_000
/** Bytes beyond the weights: activations, results. */
const SCRATCH_BYTES = 10_000_000
const SEED = 0x9e3779b9

/** A memory full of numbers, and where its parts are. */
export interface BenchMemory {
  readonly memory: WebAssembly.Memory
  readonly arena: Arena
  /** Address of OUT_OF_CACHE_BYTES that are valid as q4 records, and as the lo plane's. */
  readonly weights: number
}

/**
 * Every page is written: a page that nobody wrote is one zero page of the system and reads at the speed of the nearest cache.
 * The scales are near 0.01: NaN and denormals, which random bits have, would slow the kernels.
 */
export function createBenchMemory(): BenchMemory {
  const arena = new Arena(createMemory(OUT_OF_CACHE_BYTES + SCRATCH_BYTES))
  const weights = arena.alloc(OUT_OF_CACHE_BYTES, 'weights')
  const words = arena.u32(weights, OUT_OF_CACHE_BYTES / 4)
  let state = SEED
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  for (let record = 0; record + HI_RECORD_BYTES <= OUT_OF_CACHE_BYTES; record += HI_RECORD_BYTES) {
    for (let word = (record + 128) / 4; word < (record + HI_RECORD_BYTES) / 4; word++) words[word] = 0x3c203c20 + (words[word]! & 0x001f001f)
  }
  return { memory: arena.memory, arena, weights }
}
