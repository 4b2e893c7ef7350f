import { uniform } from '../core/random.ts'

/** Which experts each token of recorded sequences was routed to. */
export interface RoutingTrace {
  readonly layers: number
  readonly experts: number
  readonly topK: number
  /** Tokens of each sequence; the sequences lie one after another. */
  readonly steps: readonly number[]
  readonly tokens: number
  /** [layers, tokens, topK] experts, in the order of the recording (descending probability). */
  readonly ids: Uint8Array
}

/** How the tokens of a trace follow each other when it is replayed. */
export const TOKEN_ORDERS = ['file', 'interleaved'] as const
export type TokenOrder = (typeof TOKEN_ORDERS)[number]

/** Streams of the interleaved order. */
export const STREAMS = 64

/**
 * Token numbers in order of replay. `file`: as they lie, one sequence after another. `interleaved`: rounds over STREAMS decode streams; a free stream takes the
 * next sequence, then every stream emits one token; a stream whose sequence ended is free at its next turn, in which it takes a new one. SPEC SI2.
 */
export function replayOrder({ steps, tokens }: Pick<RoutingTrace, 'steps' | 'tokens'>, order: TokenOrder): Uint32Array {
  if (order === 'file') return Uint32Array.from({ length: tokens }, (_, token) => token)
  const out = new Uint32Array(tokens)
  const next = new Uint32Array(STREAMS)
  const end = new Uint32Array(STREAMS)
  let sequence = 0
  let first = 0
  for (let done = 0; done < tokens;) {
    for (let stream = 0; stream < STREAMS; stream++) {
      while (next[stream] === end[stream] && sequence < steps.length) {
        next[stream] = first
        first += steps[sequence++]!
        end[stream] = first
      }
      if (next[stream]! < end[stream]!) out[done++] = next[stream]!++
    }
  }
  return out
}

/** The tokens of a trace in random order: traffic that does not drift. Fisher and Yates, the same for the same seed. */
export function shuffledOrder(tokens: number, seed: number): Uint32Array {
  const out = Uint32Array.from({ length: tokens }, (_, token) => token)
  for (let last = tokens - 1; last > 0; last--) {
    const other = Math.floor(uniform(seed, 0, last) * (last + 1))
    ;[out[last], out[other]] = [out[other]!, out[last]!]
  }
  return out
}
