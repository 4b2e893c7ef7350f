import type { RouterSpec } from './model-spec.ts'

/**
 * Routes one token: reads [experts] router logits at `logits[from]`, writes the chosen ids, ascending, to `ids[to]` and their
 * combine weights to `weights[to]`, topK of each. `bias` [experts] counts for the selection only; null if the spec has none.
 */
export type Router = (logits: Float32Array, from: number, bias: Float32Array | null, ids: Int32Array, weights: Float32Array, to: number) => void

/** Keeps a sum of chosen scores from being 0; DeepSeek-V3's constant, and too small to change any sum that is not. */
const SUM_FLOOR = 1e-20

/**
 * The router of a model; its scratch is made here, once. All in f64, experts ascending. Ties go to the lower id (SPEC NU7).
 * Routing throws on logits that are not finite: no choice would be right, and only a fault of ours makes them.
 */
export function createRouter(spec: RouterSpec): Router {
  const { experts, topK, groups } = spec
  if (topK < 1 || topK > experts) throw new Error(`top-${topK} of ${experts} experts`)
  if (groups && (experts % groups.count !== 0 || groups.keep > groups.count || groups.keep * (experts / groups.count) < topK)) {
    throw new Error('groups do not fit the experts')
  }
  const filterGroups = groups && createGroupFilter(groups, experts)
  const score = new Float64Array(experts)
  const selection = new Float64Array(experts)
  const isChosen = new Uint8Array(experts)

  return (logits, from, bias, ids, weights, to) => {
    for (let e = 0; e < experts; e++) {
      const logit = logits[from + e]!
      if (!Number.isFinite(logit)) throw new Error(`router logit of expert ${e} is ${logit}`)
      score[e] = logit
    }
    if (spec.order === 'score-then-topk') applyScore(spec.score, score, null)
    for (let e = 0; e < experts; e++) selection[e] = score[e]! + (bias ? bias[e]! : 0)
    filterGroups?.(selection)

    isChosen.fill(0)
    for (let k = 0; k < topK; k++) isChosen[indexOfBest(selection, isChosen, 0, experts)] = 1
    if (spec.order === 'topk-then-score') applyScore(spec.score, score, isChosen)

    let sum = 0
    for (let e = 0; e < experts; e++) if (isChosen[e] === 1) sum += score[e]!
    const factor = spec.normalize ? spec.scale / (sum + SUM_FLOOR) : spec.scale
    let at = to
    for (let e = 0; e < experts; e++) {
      if (isChosen[e] === 0) continue
      ids[at] = e
      weights[at] = score[e]! * factor
      at++
    }
  }
}

/** Turns logits into scores in place; a softmax runs over the chosen ones only, or over all if `isChosen` is null. */
function applyScore(kind: RouterSpec['score'], values: Float64Array, isChosen: Uint8Array | null): void {
  if (kind === 'sigmoid') {
    for (let e = 0; e < values.length; e++) values[e] = 1 / (1 + Math.exp(-values[e]!))
    return
  }
  let max = -Infinity
  for (let e = 0; e < values.length; e++) if (!isChosen || isChosen[e] === 1) max = Math.max(max, values[e]!)
  let sum = 0
  for (let e = 0; e < values.length; e++) {
    values[e] = isChosen && isChosen[e] === 0 ? 0 : Math.exp(values[e]! - max)
    sum += values[e]!
  }
  for (let e = 0; e < values.length; e++) values[e]! /= sum
}

/** Makes the step that sets the selection scores of all but the `keep` best groups to −∞, and its scratch. */
function createGroupFilter(groups: NonNullable<RouterSpec['groups']>, experts: number): (selection: Float64Array) => void {
  const size = experts / groups.count
  const groupScore = new Float64Array(groups.count)
  const isTaken = new Uint8Array(experts)
  const isKept = new Uint8Array(groups.count)

  return (selection) => {
    isTaken.fill(0)
    for (let g = 0; g < groups.count; g++) {
      groupScore[g] = 0
      for (let n = 0; n < Math.min(groups.best, size); n++) {
        const e = indexOfBest(selection, isTaken, g * size, (g + 1) * size)
        isTaken[e] = 1
        groupScore[g]! += selection[e]!
      }
    }
    isKept.fill(0)
    for (let n = 0; n < groups.keep; n++) isKept[indexOfBest(groupScore, isKept, 0, groups.count)] = 1
    for (let e = 0; e < experts; e++) if (isKept[Math.floor(e / size)] === 0) selection[e] = -Infinity
  }
}

/** Index in [from, to) of the largest value that is not taken; the lowest of equals. */
function indexOfBest(values: Float64Array, isTaken: Uint8Array, from: number, to: number): number {
  let best = -1
  for (let i = from; i < to; i++) {
    if (isTaken[i] === 0 && (best < 0 || values[i]! > values[best]!)) best = i
  }
  return best
}
