import type { LogitAdjustments } from '../protocol/engine-api.ts'

/** As low as f32 goes without being −∞: where all else is forbidden, by a grammar for one, a stop token can still come. */
export const LOWEST_LOGIT = -3.4028234663852886e38

/**
 * The tokens of one sequence as penalties need them. It follows from the tokens alone, so a sequence that is computed again, after a
 * preemption or a reset, has the same.
 */
export class TokenTally {
  /** Of each token of the continuation, how often it is there. */
  readonly counts = new Map<number, number>()
  /** The prompt's tokens, once each. */
  readonly promptIds: () => Iterable<number>
  #known: number

  /** @param promptIds see `distinctIds`: the choices of a prompt share one. */
  constructor(promptIds: () => Iterable<number>, promptLength: number) {
    this.promptIds = promptIds
    this.#known = promptLength
  }

  /** Counts what is new. @param tokens the prompt, then the continuation, which only grows. */
  follow(tokens: readonly number[]): void {
    for (; this.#known < tokens.length; this.#known++) {
      const id = tokens[this.#known]!
      this.counts.set(id, (this.counts.get(id) ?? 0) + 1)
    }
  }
}

/** The tokens of a list once each, made when first asked for: a prompt that waits needs none. */
export function distinctIds(tokens: readonly number[]): () => Int32Array {
  let ids: Int32Array | null = null
  return () => (ids ??= Int32Array.from(new Set(tokens)))
}

/**
 * Changes logits as a request asks, and puts them back. In place, because a vocabulary is large and the touched tokens are few: the cost is
 * one visit for each bias and each distinct token. Its memory is kept from call to call.
 *
 * Of each token, in this order: + bias; with the repetition penalty r, if prompt or continuation have it: logit / r where it is positive,
 * else logit · r; − frequency penalty × how often the continuation has it; − presence penalty if it does. Bias and penalties are computed
 * in f64 and stored in f32. Last, while the continuation is shorter than minTokens, stop tokens get LOWEST_LOGIT. SPEC SA1, SA2.
 * Source: the order of vLLM's sampler; CTRL (arXiv 1909.05858, section 4.1); OpenAI's reference for the others.
 */
export class LogitAdjuster {
  readonly #ids: number[] = []
  readonly #originals: number[] = []

  /** @param logits [vocab]. @param tally of the sequence, up to its newest token. */
  adjust(logits: Float32Array, adjustments: LogitAdjustments, tally: TokenTally, stopTokens: Iterable<number>): void {
    const { presencePenalty, frequencyPenalty, repetitionPenalty, bias, minTokens } = adjustments
    for (const [id, added] of bias) this.#set(logits, id, logits[id]! + added)
    if (repetitionPenalty !== 1) {
      for (const id of tally.promptIds()) if (!tally.counts.has(id)) this.#set(logits, id, repeated(logits[id]!, repetitionPenalty))
    }
    let length = 0
    for (const [id, count] of tally.counts) {
      this.#set(logits, id, repeated(logits[id]!, repetitionPenalty) - frequencyPenalty * count - presencePenalty)
      length += count
    }
    if (length < minTokens) for (const id of stopTokens) this.#set(logits, id, LOWEST_LOGIT)
  }

  /** Puts back, to the bit, what `adjust` changed. */
  restore(logits: Float32Array): void {
    for (let i = this.#ids.length - 1; i >= 0; i--) logits[this.#ids[i]!] = this.#originals[i]!
    this.#ids.length = 0
    this.#originals.length = 0
  }

  #set(logits: Float32Array, id: number, value: number): void {
    this.#ids.push(id)
    this.#originals.push(logits[id]!)
    logits[id] = value
  }
}

function repeated(logit: number, penalty: number): number {
  return logit > 0 ? logit / penalty : logit * penalty
}
