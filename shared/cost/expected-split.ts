/**
 * What one layer of one step gives each host, where a token chooses each expert alike and tokens choose independently. Copies of hot experts make real traffic more like
 * this; without them its busiest host has more. Formula: docs/design/cost.md.
 */
export interface LayerSplitEstimate {
  /** Expected number of hosts that are called. */
  readonly calls: number
  /** [hosts with experts of this layer] expected pairs, and expected experts among them. */
  readonly pairs: readonly number[]
  /** Expected pairs of the host that has most. */
  readonly busiestPairs: number
  /** Its experts. */
  readonly busiestExperts: number
}

/**
 * @param expertsOfHost experts of the layer on each host that has any.
 * @param tokens of the step. @param topK experts that each of them chooses, all different.
 */
export function splitLayer(expertsOfHost: readonly number[], tokens: number, topK: number): LayerSplitEstimate {
  const experts = expertsOfHost.reduce((sum, count) => sum + count, 0)
  const trials = tokens * topK
  const shares = expertsOfHost.map((count) => count / experts)
  const calls = expertsOfHost.reduce((sum, count) => sum + 1 - missedByToken(count, experts, topK) ** tokens, 0)
  const busiestPairs = expectedMax(shares, trials)
  return { calls, pairs: shares.map((share) => share * trials), busiestPairs, busiestExperts: Math.max(...expertsOfHost) }
}

/** Expected number of different experts among `pairs` that fall on `experts` alike. */
export function distinctExperts(pairs: number, experts: number): number {
  return experts * (1 - (1 - 1 / experts) ** pairs)
}

/** Probability that a token chooses none of `count` of `experts`: topK draws without putting back. */
function missedByToken(count: number, experts: number, topK: number): number {
  let missed = 1
  for (let draw = 0; draw < topK; draw++) missed *= Math.max(0, experts - count - draw) / (experts - draw)
  return missed
}

/** Pairs up to which the maximum is reckoned exactly; the work grows with their third power. */
const EXACT_PAIRS_MAX = 64

/** E[max] = Σ P(max > n) over n. Exact for few pairs; else hosts' numbers are taken as independent binomials, which is a little low (a percent or two of it). */
function expectedMax(shares: readonly number[], trials: number): number {
  if (shares.length === 1) return trials
  if (trials > EXACT_PAIRS_MAX) {
    const cumulative = shares.map((share) => binomialCumulative(share, trials))
    return sumUntil(trials, (n) => 1 - cumulative.reduce((product, of) => product * of[n]!, 1))
  }
  return sumUntil(trials, (n) => 1 - allAtMost(shares, trials, n))
}

function sumUntil(end: number, term: (n: number) => number): number {
  let sum = 0
  for (let n = 0; n < end; n++) sum += term(n)
  return sum
}

/** P(no host has more than `most` of the trials) = trials! · [x^trials] Π over hosts of Σ (share · x)^j / j!, j up to `most`. */
function allAtMost(shares: readonly number[], trials: number, most: number): number {
  let factorial = 1
  const inverse = Array.from({ length: most + 1 }, (_, j) => 1 / (factorial *= Math.max(1, j)))
  let ways = new Float64Array(trials + 1)
  ways[0] = 1
  for (const share of shares) {
    const next = new Float64Array(trials + 1)
    for (let t = 0; t <= trials; t++) {
      for (let j = 0; j <= Math.min(most, trials - t); j++) next[t + j]! += ways[t]! * share ** j * inverse[j]!
    }
    ways = next
  }
  let all = ways[trials]!
  for (let j = 2; j <= trials; j++) all *= j
  return all
}

/** P(X ≤ n) for n = 0 … trials. Logarithms, because (1 - share)^trials leaves the doubles. */
function binomialCumulative(share: number, trials: number): Float64Array {
  const cumulative = new Float64Array(trials + 1)
  if (share >= 1) {
    cumulative[trials] = 1
    return cumulative
  }
  let log = trials * Math.log1p(-share)
  let sum = 0
  for (let n = 0; n <= trials; n++) {
    sum += Math.exp(log)
    cumulative[n] = Math.min(1, sum)
    log += Math.log((trials - n) / (n + 1)) + Math.log(share / (1 - share))
  }
  return cumulative
}
