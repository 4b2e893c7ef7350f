/** [vocab] of the largest vocabulary yet, as in sampler.ts. Nothing is kept in it between calls. */
let scratch = new Float32Array(0)

/** Logits of which some are −∞: those of tokens that may not come. */
export interface MaskedLogits {
  /** [vocab], a view that lives until the next call. */
  readonly logits: Float32Array
  /** Id of the largest, the lowest of equals; −1 where nothing is allowed. */
  readonly best: number
}

/**
 * What a grammar leaves of a token's logits. A copy: log-probabilities are the model's own (SPEC NU8).
 * @param logits [vocab], none NaN.
 * @param allowed bit `id & 7` of byte `id >> 3`, [⌈vocab / 8⌉ or more]. SPEC GR5.
 */
export function maskLogits(logits: Float32Array, allowed: Uint8Array): MaskedLogits {
  if (allowed.length * 8 < logits.length) throw new Error(`a mask of ${allowed.length} bytes for ${logits.length} logits`)
  if (scratch.length < logits.length) scratch = new Float32Array(logits.length)
  const masked = scratch.subarray(0, logits.length)
  let best = -1
  for (let id = 0; id < masked.length; id++) {
    const isAllowed = (allowed[id >> 3]! >> (id & 7)) & 1
    masked[id] = isAllowed ? logits[id]! : -Infinity
    if (isAllowed && (best < 0 || logits[id]! > masked[best]!)) best = id
  }
  return { logits: masked, best }
}
