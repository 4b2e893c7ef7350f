import { readGptOssTrace } from '../../test/fixtures/routing/read-trace.ts'
import { replayOrder, TOKEN_ORDERS } from '../../shared/placement/routing-trace.ts'
import type { TokenOrder } from '../../shared/placement/routing-trace.ts'
import { prepareReplay } from '../../shared/placement/simulator.ts'
import type { Replay } from '../../shared/placement/simulator.ts'
import type { BenchOptions, BenchResult } from '../figures.ts'
import { WINDOW_TOKENS } from './cluster-shape.ts'
import { goldenDifference, otherOrders, policyFigures, stationaryChurn } from './replays.ts'
import { plannerTimes, splitterTimes } from './timings.ts'

/**
 * Placement without workers: policies on the recorded gpt-oss trace (balance, moves), and what planner and splitter take. Everything but times is the same
 * in every run.
 */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const trace = await readGptOssTrace()
  const replay = (order: TokenOrder) => prepareReplay(trace, replayOrder(trace, order), WINDOW_TOKENS)
  const replays = Object.fromEntries(TOKEN_ORDERS.map((order) => [order, replay(order)])) as Record<TokenOrder, Replay>
  const seeds = Array.from({ length: quick ? 1 : 3 }, (_, seed) => seed + 1)
  return {
    outcomes: [
      ...TOKEN_ORDERS.flatMap((order) => policyFigures(order, replays[order])),
      ...TOKEN_ORDERS.flatMap((order) => otherOrders(order, trace, seeds)),
      stationaryChurn(trace, seeds),
      goldenDifference(replays, quick),
      ...plannerTimes(quick ? 1 : 9),
      ...splitterTimes(replays.interleaved, quick ? 1 : 9),
    ],
  }
}
