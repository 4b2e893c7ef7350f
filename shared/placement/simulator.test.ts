import { beforeAll, expect, it } from 'vitest'
import { GOLDEN_SPLITS, rowDifferences } from '../../test/fixtures/placement/golden-row.ts'
import golden from '../../test/fixtures/placement/replay.json' with { type: 'json' }
import { readGptOssTrace } from '../../test/fixtures/routing/read-trace.ts'
import { POLICY_DEFAULT } from './policy.ts'
import { replayOrder, TOKEN_ORDERS } from './routing-trace.ts'
import type { RoutingTrace, TokenOrder } from './routing-trace.ts'
import { isomoePolicy } from './sim-isomoe.ts'
import type { IsomoeShape } from './sim-isomoe.ts'
import { policyByName } from './sim-policies.ts'
import type { PolicyName } from './sim-policies.ts'
import { prepareReplay, simulate } from './simulator.ts'
import type { Replay } from './simulator.ts'

const SHAPE: IsomoeShape = {
  hosts: golden.hosts,
  redundant: 16,
  stepTokens: golden.batch_tokens,
  expertBytes: 1000,
  cost: { callMs: 0.035, rttMs: 1, pairsPerMs: 1 },
  policy: POLICY_DEFAULT,
  boundFirst: true,
}

let trace: RoutingTrace
let replays: Record<TokenOrder, Replay>
beforeAll(async () => {
  trace = await readGptOssTrace()
  const replay = (order: TokenOrder) => prepareReplay(trace, replayOrder(trace, order), golden.window_tokens)
  replays = { file: replay('file'), interleaved: replay('interleaved') }
})

/** All rows take half a minute: `npm run bench -- plan` checks them. Here every policy, both orders, and every number of a row. */
const ROWS = TOKEN_ORDERS.flatMap((order) =>
  golden[order].filter(({ policy, R }) => R === 16 || policy === 'static' || (R === 8 && policy.endsWith('_history'))).map((row) => ({ ...row, order })),
)

it.each(ROWS)('[SI2] the scores of $policy with $R redundant copies, $order order', ({ order, ...row }) => {
  const policy = policyByName(replays[order], row.policy as PolicyName, { ...SHAPE, redundant: row.R })
  const scores = simulate(replays[order], policy, { hosts: golden.hosts, stepTokens: golden.batch_tokens, splits: GOLDEN_SPLITS })
  for (const [name, difference] of rowDifferences(scores, row)) expect(difference, name).toBeLessThan(1e-6)
})

it('[SI2] the interleaved order runs 64 streams, each through whole sequences, and every token once', () => {
  const order = replayOrder({ steps: [3, 1, ...Array.from({ length: 63 }, () => 2)], tokens: 130 }, 'interleaved')
  expect([...order].toSorted((a, b) => a - b)).toEqual([...order.keys()])
  expect([...order.subarray(0, 3)]).toEqual([0, 3, 4]) // the first token of each
  expect([...order.subarray(64, 67)]).toEqual([1, 128, 5]) // the stream of the one-token sequence took the 65th
  expect([...order.subarray(128)]).toEqual([2, 129]) // the third round: only these two have a token left
})

it('[SI2] a step is never better balanced than the LP allows, and water is at least as good as least loaded', () => {
  const replay = replays.interleaved
  const policy = policyByName(replay, 'pinned_prev', { ...SHAPE, redundant: 8 })
  const [leastLoaded, water] = simulate(replay, policy, { hosts: 8, stepTokens: 64, splits: ['least_loaded', 'water'] }).splits
  expect(water!.step.mean).toBeLessThanOrEqual(leastLoaded!.step.mean)
  expect(water!.step.p99).toBeLessThanOrEqual(leastLoaded!.step.p99)
  expect(water!.work.busiestPairs).toBeGreaterThanOrEqual((64 * 4) / 8)
})

it('[SI2] isomoe knows only the past: windows that come later change nothing', () => {
  const replay = replays.interleaved
  const cut = 6
  const other: Replay = { ...replay, counts: replay.counts.map((layers, window) => (window < cut ? layers : layers.map((load) => load.toReversed()))) }
  const [ours, theirs] = [isomoePolicy(replay, SHAPE), isomoePolicy(other, SHAPE)]
  for (let window = 1; window <= cut; window++) expect(theirs.place(window)).toEqual(ours.place(window))
  const later = [1, 2, 3, 4, 5].map((after) => [ours.place(cut + after), theirs.place(cut + after)])
  expect(later.some(([a, b]) => JSON.stringify(a) !== JSON.stringify(b))).toBe(true)
})

it('[SI2] isomoe keeps to its slots and to its moves, the first plan included where it is bounded', () => {
  const replay = replays.interleaved
  const policy = isomoePolicy(replay, { ...SHAPE, policy: { ...POLICY_DEFAULT, movesMax: 20 } })
  let before = new Set<string>()
  for (let window = 1; window < replay.windows; window++) {
    const placed = policy.place(window)
    const now = new Set(placed.flatMap((layer, l) => layer.flatMap((on, expert) => on.map((host) => `${l}/${expert}@${host}`))))
    for (const layer of placed) expect(layer.flat().length).toBeLessThanOrEqual(replay.experts + SHAPE.redundant)
    expect([...now].filter((copy) => !before.has(copy)).length).toBeLessThanOrEqual(window === 1 ? replay.layers * replay.experts + 20 : 20)
    before = now
  }
  expect(before.size).toBeGreaterThan(replay.layers * replay.experts)
})
