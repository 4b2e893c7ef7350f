import { philox4x32, uniform } from '../../shared/core/random.ts'

/** What is drawn for a request. Each has a stream of its own, so that one more draw of one kind moves no other. */
const STREAMS = { gap: 1, domain: 2, prompt: 3, cut: 4, seed: 5 } as const

export type DrawStream = keyof typeof STREAMS

/** In [0, 1), a pure function of seed, stream and index. `step` numbers the draws that one request makes of one kind. */
export function drawUniform(seed: number, stream: DrawStream, index: number, step = 0): number {
  return uniform(seed, STREAMS[stream] + 256 * step, index)
}

/** Unsigned 32 bits: the seed that a request samples with. */
export function drawSeed(seed: number, index: number): number {
  return philox4x32([index, 0, 0, 0], [seed, STREAMS.seed])[0]
}
