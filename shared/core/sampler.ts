import type { SamplingParams, TokenLogprob } from '../protocol/engine-api.ts'
import { uniform } from './random.ts'
import { bestIds, lastReaching, ranksBefore } from './ranking.ts'

/** [vocab] of the largest vocabulary yet: a fresh array a token would be 1 MB of garbage for 150,000 ids. Nothing is kept in it between calls. */
let scratch = new Float64Array(0)

/**
 * Draws the next token. temperature 0: the largest logit, the lowest id of equals. Otherwise p = softmax(logits / temperature)
 * over a ranking (logit descending, id ascending), of which these keep, in this order, never nothing:
 *   topK  the first topK (0 or less, or the vocabulary and more: off),
 *   topP  the shortest beginning with at least topP of the probability that is left (1: off),
 *   minP  those with at least minP times the largest probability, minP being 1 at most (0: off).
 * One uniform(seed, choice, position) picks among the kept, ids ascending. Sums are f64. Nothing is sorted. SPEC NU6, NU7.
 * @param logits [vocab].
 * @param best id of the largest logit, the lowest of equals; −1 when one is NaN. Throws then, and where the largest is not finite: only a
 * fault of ours makes them.
 */
export function sampleToken(logits: Float32Array, best: number, params: SamplingParams, choice: number, position: number): number {
  const { temperature, topK, topP, minP, seed } = params
  const largest = largestOf(logits, best)
  if (temperature === 0) return best
  const weights = weigh(logits, largest, temperature)
  if (topK > 0 && topK < logits.length)
    dropAfter(
      lastReaching(logits, topK, () => 1),
      logits,
      weights,
    )
  if (topP < 1)
    dropAfter(
      lastReaching(logits, topP * sumOf(weights), (id) => weights[id]!),
      logits,
      weights,
    )
  if (minP > 0) dropBelow(minP, weights)
  return draw(weights, uniform(seed, choice, position))
}

/**
 * Log-probabilities of the model itself, without temperature and filters (SPEC NU8): that of `id` and the `top` best.
 * @param logits [vocab]; `best` as for sampleToken, which says what throws. ln Σ exp runs in f64, ids ascending.
 */
export function logprobsOf(logits: Float32Array, best: number, id: number, top: number): TokenLogprob {
  const largest = largestOf(logits, best)
  const logSum = Math.log(sumOf(weigh(logits, largest, 1)))
  const logprob = (other: number) => logits[other]! - largest - logSum
  return { id, logprob: logprob(id), top: bestIds(logits, top).map((other) => [other, logprob(other)] as const) }
}

/** Probabilities up to one common factor: exp((logit − largest) / temperature), 1 for the best. A view of the scratch. */
function weigh(logits: Float32Array, largest: number, temperature: number): Float64Array {
  if (scratch.length < logits.length) scratch = new Float64Array(logits.length)
  const weights = scratch.subarray(0, logits.length)
  for (let id = 0; id < weights.length; id++) weights[id] = Math.exp((logits[id]! - largest) / temperature)
  return weights
}

/** Refuses all that rank after `last`. */
function dropAfter(last: number, logits: Float32Array, weights: Float64Array): void {
  for (let id = 0; id < weights.length; id++) if (ranksBefore(logits, last, id)) weights[id] = 0
}

function dropBelow(least: number, weights: Float64Array): void {
  for (let id = 0; id < weights.length; id++) if (weights[id]! < least) weights[id] = 0
}

/** The id where the running sum of the weights passes `share` of the whole. */
function draw(weights: Float64Array, share: number): number {
  let left = share * sumOf(weights)
  let last = -1
  for (let id = 0; id < weights.length && left >= 0; id++) {
    if (weights[id] === 0) continue
    left -= weights[id]!
    last = id
  }
  return last // also if rounding leaves a rest: the last id that has any weight
}

function sumOf(weights: Float64Array): number {
  let sum = 0
  for (let id = 0; id < weights.length; id++) sum += weights[id]!
  return sum
}

function largestOf(logits: Float32Array, best: number): number {
  const largest = logits[best]
  if (largest === undefined) throw new Error('a logit is NaN')
  if (!Number.isFinite(largest)) throw new Error(`largest logit is ${largest}`)
  return largest
}
