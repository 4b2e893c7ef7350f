import { sigmoid } from './swiglu.ts'
import { softmax_row } from './softmax.ts'

const SIGMOID = 1
const TOPK_THEN_SCORE = 1
/** Below every number's key: an expert that is already chosen, and NaN, which is chosen last. */
const TAKEN = i32.MIN_VALUE
const NOT_A_NUMBER = i32.MIN_VALUE + 1

/**
 * Chooses k of `experts` experts for each token and weighs them (RouterSpec in shared/core/model-spec.ts).
 * logits  f32 [experts] a token, logitsStride bytes apart. bias  f32 [experts]; 0: none. It is added for the choice only, never to the weights.
 * score   0 softmax, 1 sigmoid. order  0 scores over all experts, then the k best; 1 the k best logits, then scores over those.
 * ids, weights  i32 [tokens, k], f32 [tokens, k], by ascending expert: the order in which rows are combined. scratch  8 · experts bytes.
 * Ties go to the lower expert (SPEC NU7). The ids are k different experts whatever the logits are; 1 ≤ k ≤ experts.
 */
export function router_topk(
  logits: usize, bias: usize, experts: i32, k: i32, score: i32, order: i32, normalize: i32, scale: f32, ids: usize, weights: usize, scratch: usize,
  tokens: i32, logitsStride: usize,
): void {
  for (const bytes = <usize>k << 2; tokens > 0; tokens--, logits += logitsStride, ids += bytes, weights += bytes) {
    routeToken(logits, bias, experts, k, score, order, normalize, scale, ids, weights, scratch)
  }
}

function routeToken(
  logits: usize, bias: usize, experts: i32, k: i32, score: i32, order: i32, normalize: i32, scale: f32, ids: usize, weights: usize, scratch: usize,
): void {
  const scores = scratch
  const keys = scratch + (<usize>experts << 2)
  memory.copy(scores, logits, <usize>experts << 2)
  if (order != TOPK_THEN_SCORE) scoreRow(scores, experts, score)
  for (let e = 0; e < experts; e++) {
    const offset = <usize>e << 2
    store<i32>(keys + offset, sortKey(load<f32>(scores + offset) + (bias ? load<f32>(bias + offset) : <f32>0)))
  }
  for (let i = 0; i < k; i++) insertAscending(ids, i, takeBest(keys, experts))
  for (let i: usize = 0; i < <usize>k; i++) store<f32>(weights + (i << 2), load<f32>(scores + (<usize>load<i32>(ids + (i << 2)) << 2)))
  if (order == TOPK_THEN_SCORE) scoreRow(weights, k, score)
  scaleWeights(weights, k, normalize, scale)
}

function scoreRow(x: usize, n: i32, score: i32): void {
  if (score != SIGMOID) return softmax_row(x, n)
  for (let end = x + (<usize>n << 2); x < end; x += 4) store<f32>(x, sigmoid(load<f32>(x)))
}

/** An integer that orders as the number does; −0 and +0 are equal. */
function sortKey(value: f32): i32 {
  if (value != value) return NOT_A_NUMBER
  const bits = reinterpret<i32>(value + <f32>0)
  return bits ^ (bits >> 31 & i32.MAX_VALUE)
}

/** The expert with the largest key, the lowest of equals; it is taken. */
function takeBest(keys: usize, experts: i32): i32 {
  let best = 0
  let bestKey = TAKEN
  for (let e = 0; e < experts; e++) {
    const key = load<i32>(keys + (<usize>e << 2))
    if (key > bestKey) {
      best = e
      bestKey = key
    }
  }
  store<i32>(keys + (<usize>best << 2), TAKEN)
  return best
}

function insertAscending(ids: usize, count: i32, id: i32): void {
  let p = ids + (<usize>count << 2)
  for (; p > ids && load<i32>(p - 4) > id; p -= 4) store<i32>(p, load<i32>(p - 4))
  store<i32>(p, id)
}

/** weights · scale, divided by their sum if asked for; summed by ascending expert. A sum of zero leaves zeros, not NaN. */
function scaleWeights(weights: usize, k: i32, normalize: i32, scale: f32): void {
  const end = weights + (<usize>k << 2)
  let sum: f32 = 0
  for (let p = weights; p < end; p += 4) sum += load<f32>(p)
  const divisor = normalize && sum != 0 ? sum : <f32>1
  for (let p = weights; p < end; p += 4) store<f32>(p, load<f32>(p) / divisor * scale)
}
