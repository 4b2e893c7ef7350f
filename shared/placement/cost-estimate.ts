import type { CostModel } from './cost-model.ts'
import type { StepWork } from './split-tally.ts'

/** Prices of Cloudflare's paid plan beyond what it includes, in USD. One table: whoever computes a cost reads it here. */
export const PRICES = {
  date: '2026-07-07',
  source: 'developers.cloudflare.com: Durable Objects pricing, R2 pricing',
  /** $12.50 a million GB-s, and an object counts as 128 MB whatever it uses. Its CPU time is not billed beside it. */
  objectSecond: (12.5 / 1e6) * 0.128,
  /** R2 class B: one range read. */
  storageRead: 0.36 / 1e6,
} as const

export interface CostInput {
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
  const { cost, work } = input
  const stepMs = input.layers * (cost.callMs * work.hostsCalled + cost.rttMs + work.busiestPairs / cost.pairsPerMs)
  const seconds = (stepMs / 1000) * (1e6 / input.stepTokens)
  const moves = (input.moves * 1e6) / input.windowTokens
  const reads = moves * Math.ceil(input.expertBytes / input.readBytesMax)
  return {
    stepMs,
    hostSeconds: input.hosts * seconds,
    movedBytes: moves * input.expertBytes,
    usd: (input.hosts + 1) * seconds * PRICES.objectSecond + reads * PRICES.storageRead,
  }
}
