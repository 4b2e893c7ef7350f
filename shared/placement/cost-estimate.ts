import { objectSecondUsd, storageReadUsd } from '../cost/prices.ts'
import type { Prices } from '../cost/prices.ts'
import type { CostModel } from './cost-model.ts'
import type { StepWork } from './split-tally.ts'

export interface CostInput {
  readonly prices: Prices
  readonly cost: CostModel
  readonly layers: number
  readonly hosts: number
  readonly stepTokens: number
  readonly windowTokens: number
  readonly expertBytes: number
  /** Of one range read. */
  readonly readBytesMax: number
  /** Mean over steps and layers. */
  readonly work: StepWork
  /** Experts brought to a host in a window, all layers. */
  readonly moves: number
}

/** All per million generated tokens. */
export interface CostEstimate {
  /** Time of the routed experts in one step: attention and head are not in it. */
  readonly stepMs: number
  readonly hostSeconds: number
  readonly movedBytes: number
  readonly usd: number
}

/**
 * What a policy costs under a cost model:
 *   step = layers · (callMs · hosts called + rttMs + pairs of the busiest host / pairsPerMs)
 *   host·seconds = hosts · step · steps,   usd = (hosts + engine) · step · steps · objectSecond + reads · storageRead
 * RPC sessions stay open, so requests cost nothing that could be seen beside it. Hosts are paid while a step runs, busy or not: what a policy saves is time.
 */
export function estimateCost(input: CostInput): CostEstimate {
  const { cost, work, prices } = input
  const stepMs = input.layers * (cost.callMs * work.hostsCalled + cost.rttMs + work.busiestPairs / cost.pairsPerMs)
  const seconds = (stepMs / 1000) * (1e6 / input.stepTokens)
  const moves = (input.moves * 1e6) / input.windowTokens
  const reads = moves * Math.ceil(input.expertBytes / input.readBytesMax)
  return {
    stepMs,
    hostSeconds: input.hosts * seconds,
    movedBytes: moves * input.expertBytes,
    usd: (input.hosts + 1) * seconds * objectSecondUsd(prices) + reads * storageReadUsd(prices),
  }
}
