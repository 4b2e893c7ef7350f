import { GOLDEN_SPLITS, rowDifferences } from '../../test/fixtures/placement/golden-row.ts'
import golden from '../../test/fixtures/placement/replay.json' with { type: 'json' }
import { replayOrder, shuffledOrder, TOKEN_ORDERS } from '../../shared/placement/routing-trace.ts'
import type { RoutingTrace, TokenOrder } from '../../shared/placement/routing-trace.ts'
import { isomoePolicy } from '../../shared/placement/sim-isomoe.ts'
import { policyByName } from '../../shared/placement/sim-policies.ts'
import type { PolicyName } from '../../shared/placement/sim-policies.ts'
import { prepareReplay, simulate } from '../../shared/placement/simulator.ts'
import type { PolicyScores, Replay, SimulatedPolicy } from '../../shared/placement/simulator.ts'
import { BATCH_SPLITS } from '../../shared/placement/split-tally.ts'
import type { BatchSplit } from '../../shared/placement/split-tally.ts'
import { RATIO } from '../figures.ts'
import type { Figure } from '../figures.ts'
import { SHAPE, WINDOW_TOKENS } from './cluster-shape.ts'

const MOVES = 'experts/window'
const PEERS = ['static', 'eplb', 'pinned'] as const
/** Windows before churn on stationary traffic is counted. */
const SETTLING_WINDOWS = 10

/** Balance and moves of isomoe and the others; balance is max/mean of a window under least-loaded, of a step (`step_`) under the splitter. */
export function policyFigures(order: TokenOrder, replay: Replay): Figure[] {
  const ours = score(replay, isomoePolicy(replay, SHAPE), BATCH_SPLITS)
  const cold = score(replay, isomoePolicy(replay, { ...SHAPE, boundFirst: true }), ['least_loaded'])
  const peers = PEERS.map((name) => ({ name, scores: score(replay, policyByName(replay, name, SHAPE), BATCH_SPLITS) }))
  const once = (id: string, unit: string, sample: number, note?: string): Figure => ({ id, unit, samples: [sample], ...(note === undefined ? {} : { note }) })
  return [
    once(`plan.balance_${order}`, RATIO, windowMean(ours), 'max/mean of a window, least-loaded split, planned from the past'),
    once(`plan.balance_${order}.p99`, RATIO, split(ours, 'least_loaded').window.p99),
    once(`plan.balance_${order}.cold`, RATIO, windowMean(cold), `the first plan bounded to ${SHAPE.policy.movesMax} loads too`),
    ...peers.map(({ name, scores }) => once(`plan.balance_${order}.${name}`, RATIO, windowMean(scores))),
    once(`plan.balance_${order}.eplb_even`, RATIO, peers[1]!.scores.even.mean, 'as EPLB splits: every copy an equal share'),
    once(`plan.step_${order}`, RATIO, split(ours, 'water').step.mean, 'max/mean of a step of 64 tokens, our splitter'),
    once(`plan.step_${order}.least_loaded`, RATIO, split(ours, 'least_loaded').step.mean),
    ...peers.map(({ name, scores }) => once(`plan.step_${order}.${name}`, RATIO, split(scores, 'water').step.mean)),
    once(`plan.step_${order}.eplb_even`, RATIO, split(peers[1]!.scores, 'even').step.mean),
    once(`plan.moves_${order}`, MOVES, ours.moves, 'all layers'),
    once(`plan.moves_${order}.cold`, MOVES, cold.moves),
    ...peers.slice(1).map(({ name, scores }) => once(`plan.moves_${order}.${name}`, MOVES, scores.moves)),
  ]
}

/** The same trace with its sequences in another order, a round each: what the policy is worth beyond the one recording. */
export function otherOrders(order: TokenOrder, trace: RoutingTrace, seeds: readonly number[]): Figure[] {
  const runs = seeds.map((seed) => {
    const replay = prepareReplay(trace, sequencesShuffled(trace, order, seed), WINDOW_TOKENS)
    return {
      ours: score(replay, isomoePolicy(replay, SHAPE), ['least_loaded']),
      pinned: score(replay, policyByName(replay, 'pinned', SHAPE), ['least_loaded']),
    }
  })
  const note = 'sequences in other orders'
  return [
    { id: `plan.balance_${order}.shuffled`, unit: RATIO, samples: runs.map(({ ours }) => windowMean(ours)), note },
    { id: `plan.balance_${order}.shuffled_pinned`, unit: RATIO, samples: runs.map(({ pinned }) => windowMean(pinned)), note },
    { id: `plan.moves_${order}.shuffled`, unit: MOVES, samples: runs.map(({ ours }) => ours.moves), note },
  ]
}

/** Moves on traffic that does not drift: the trace's tokens in random order, a seed a round. */
export function stationaryChurn(trace: RoutingTrace, seeds: readonly number[]): Figure {
  const samples = seeds.map((seed) => {
    const replay = prepareReplay(trace, shuffledOrder(trace.tokens, seed), WINDOW_TOKENS)
    const { movesByWindow } = score(replay, isomoePolicy(replay, SHAPE), [])
    const settled = movesByWindow.slice(SETTLING_WINDOWS - 1) // the first entry is the change to window 2
    return settled.reduce((sum, moves) => sum + moves, 0) / settled.length
  })
  return { id: 'plan.churn_stationary', unit: MOVES, samples, note: `after ${SETTLING_WINDOWS} windows, all layers` }
}

/** The largest difference of all numbers from the golden replay. Quick: of the rows with 8 redundant copies. */
export function goldenDifference(replays: Record<TokenOrder, Replay>, quick: boolean): Figure {
  let largest = 0
  for (const order of TOKEN_ORDERS) {
    for (const row of golden[order].filter(({ R }) => !quick || R === 8)) {
      const policy = policyByName(replays[order], row.policy as PolicyName, { ...SHAPE, redundant: row.R })
      for (const [, difference] of rowDifferences(score(replays[order], policy, GOLDEN_SPLITS), row)) largest = Math.max(largest, difference)
    }
  }
  return { id: 'plan.golden_difference', unit: '', samples: [largest], note: 'largest of all numbers of the golden replay, which is rounded to 1e-6' }
}

function score(replay: Replay, policy: SimulatedPolicy, splits: readonly BatchSplit[]): PolicyScores {
  return simulate(replay, policy, { hosts: SHAPE.hosts, stepTokens: SHAPE.stepTokens, splits })
}

function split(scores: PolicyScores, name: BatchSplit) {
  return scores.splits.find((s) => s.split === name)!
}

function windowMean(scores: PolicyScores): number {
  return split(scores, 'least_loaded').window.mean
}

/** Token numbers of a replay whose sequences were shuffled first. */
function sequencesShuffled(trace: RoutingTrace, order: TokenOrder, seed: number): Uint32Array {
  const firsts: number[] = []
  let first = 0
  for (const count of trace.steps) {
    firsts.push(first)
    first += count
  }
  const sequences = [...shuffledOrder(trace.steps.length, seed)]
  const tokens = Uint32Array.from(sequences.flatMap((sequence) => Array.from({ length: trace.steps[sequence]! }, (_, i) => firsts[sequence]! + i)))
  return replayOrder({ steps: sequences.map((sequence) => trace.steps[sequence]!), tokens: trace.tokens }, order).map((at) => tokens[at]!)
}
