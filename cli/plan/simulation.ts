import { estimateCost } from '../../shared/placement/cost-estimate.ts'
import type { Prices } from '../../shared/cost/prices.ts'
import type { CostEstimate } from '../../shared/placement/cost-estimate.ts'
import type { CostModel } from '../../shared/placement/cost-model.ts'
import { REPLAY_POLICY } from '../../shared/placement/policy.ts'
import { replayOrder } from '../../shared/placement/routing-trace.ts'
import type { RoutingTrace, TokenOrder } from '../../shared/placement/routing-trace.ts'
import { policyByName } from '../../shared/placement/sim-policies.ts'
import type { PolicyName } from '../../shared/placement/sim-policies.ts'
import { prepareReplay, simulate } from '../../shared/placement/simulator.ts'
import type { Balance } from '../../shared/placement/simulator.ts'
import type { BatchSplit } from '../../shared/placement/split-tally.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { formatBytes, formatTable } from '../table.ts'

export interface SimulationRequest {
  readonly policies: readonly PolicyName[]
  readonly splits: readonly BatchSplit[]
  readonly order: TokenOrder
  readonly hosts: number
  readonly redundant: number
  readonly windowTokens: number
  readonly stepTokens: number
  readonly expertBytes: number
  readonly cost: CostModel
  readonly prices: Prices
}

/** One policy under one split. Balance is max/mean of the hosts' loads, churn is per window over all layers, cost per million tokens. */
export interface SimulationRow {
  readonly policy: PolicyName
  readonly split: BatchSplit
  readonly window: Balance
  readonly step: Balance
  /** Of a window, loads divided freely: no split of this placement does better. */
  readonly bound: Balance
  readonly copies: number
  readonly moves: number
  readonly movedBytes: number
  readonly perMillionTokens: CostEstimate
}

export interface Simulation {
  readonly trace: { readonly tokens: number; readonly sequences: number; readonly layers: number; readonly experts: number; readonly topK: number }
  readonly windows: number
  readonly request: SimulationRequest
  readonly rows: readonly SimulationRow[]
}

/** Replays a trace under each policy, one after another. @param progress is told of each before it runs. Throws `invalid-request` where sizes do not fit. */
export function runSimulation(trace: RoutingTrace, request: SimulationRequest, progress: (policy: string) => void): Simulation {
  const { hosts, redundant, windowTokens, stepTokens } = request
  const { layers, experts, topK } = trace
  if (redundant > experts * (hosts - 1))
    throw refused(`${redundant} redundant copies: ${experts} experts on ${hosts} hosts take at most ${experts * (hosts - 1)}`)
  const slots = experts + redundant
  const inSlots = request.policies.some((name) => name !== 'static' && name !== 'isomoe')
  if (inSlots && slots % hosts !== 0)
    throw refused(`${experts} experts and ${redundant} redundant copies are ${slots} slots, which ${hosts} hosts cannot share equally`)
  if (windowTokens % stepTokens !== 0) throw refused(`a window of ${windowTokens} tokens is no whole number of steps of ${stepTokens}`)
  const windows = Math.floor(trace.tokens / windowTokens)
  if (windows < 3) throw refused(`${trace.tokens} tokens fill ${windows} windows of ${windowTokens}, a simulation needs 3`)
  const replay = prepareReplay(trace, replayOrder(trace, request.order), windowTokens)
  const rows = request.policies.flatMap((name) => {
    progress(name)
    const scores = simulate(replay, policyByName(replay, name, { ...request, boundFirst: false, policy: REPLAY_POLICY }), {
      hosts,
      stepTokens,
      splits: request.splits,
    })
    return scores.splits.map(({ split, window, step, work }): SimulationRow => {
      const input = { ...request, layers, work, moves: scores.moves, readBytesMax: LIMITS.readBytesMax }
      const movedBytes = scores.moves * request.expertBytes
      return {
        policy: name,
        split,
        window,
        step,
        bound: scores.lp,
        copies: scores.copies,
        moves: scores.moves,
        movedBytes,
        perMillionTokens: estimateCost(input),
      }
    })
  })
  return { trace: { tokens: trace.tokens, sequences: trace.steps.length, layers, experts, topK }, windows, request, rows }
}

/** The rows as a table, under what was simulated and above what the costs assume. */
export function describeSimulation({ trace, windows, request, rows }: Simulation): string {
  const { cost, prices } = request
  const head = ['policy', 'split', 'window', 'p99', 'step', 'p99', 'bound', 'moves', 'moved', 'step ms', 'host·s / M', '$ / M']
  const table = formatTable([
    head,
    ...rows.map((row) => [
      row.policy,
      row.split,
      row.window.mean.toFixed(3),
      row.window.p99.toFixed(2),
      row.step.mean.toFixed(3),
      row.step.p99.toFixed(2),
      row.bound.mean.toFixed(3),
      row.moves.toFixed(1),
      formatBytes(row.movedBytes),
      row.perMillionTokens.stepMs.toFixed(1),
      row.perMillionTokens.hostSeconds.toFixed(0),
      row.perMillionTokens.usd.toFixed(3),
    ]),
  ])
  return [
    `${trace.tokens} tokens of ${trace.sequences} sequences, ${request.order} order, ${trace.layers} layers, top ${trace.topK} of ${trace.experts} experts`,
    `${windows} windows of ${request.windowTokens} tokens, steps of ${request.stepTokens}; ${request.hosts} hosts, ${request.redundant} redundant copies a layer`,
    '',
    `${table}`,
    'window, step, bound: load of the busiest host over the mean host, mean and 99th percentile (bound: no split of the window does better). moves: experts brought',
    `to a host in a window, all layers. Costs are estimates per million tokens, of the routed experts alone: ${cost.callMs} ms a call, ${cost.rttMs} ms a round trip,`,
    `${cost.pairsPerMs} pairs/ms a host, ${formatBytes(request.expertBytes)} an expert; prices of ${prices.date}.`,
    '',
  ].join('\n')
}

function refused(message: string): CliError {
  return new CliError('invalid-request', message)
}
