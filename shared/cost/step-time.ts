import { kvPageBytes } from '../core/kv-layout.ts'
import { encodedBytes } from '../core/layout.ts'
import { moeLayers } from '../core/model-spec.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import { KV_PAGE_POSITIONS } from '../core/records.ts'
import { LOGITS_ROWS } from '../core/scratch.ts'
import { expertMatrices, tensorEncoding, trunkTensors } from '../core/tensors.ts'
import { expertSlotBytes } from '../placement/expert-bytes.ts'
import type { Placement } from '../placement/placement.ts'
import type { Tier } from '../protocol/tiers.ts'
import { distinctExperts, splitLayer } from './expected-split.ts'
import type { ServingRates } from './rates.ts'

/** What a step's time follows from. */
export interface StepModel {
  readonly spec: ModelSpec
  readonly tier: Tier
  /** What the trunk is served at. */
  readonly trunk: Tier
  readonly placement: Placement
  readonly rates: ServingRates
  /** Steps under way at once. */
  readonly lanes: number
  /** Engines that the trunk is cut over, one after the other. 1 is what can be served today. */
  readonly stages: number
  /** All isolates share a thread, as in `isomoe dev`: nothing overlaps, and the gateway's work is part of the step. */
  readonly oneThread: boolean
}

export interface StepLoad {
  /** Tokens that all lanes together take in one round, whole. */
  readonly tokens: number
  /** Mean positions that a token sees. */
  readonly context: number
  /** Tokens that are followed by a new one: all of them where sequences decode, next to none in a prompt. */
  readonly logits: number
}

export interface StepEstimate {
  /** From one token of a sequence to its next. */
  readonly roundMs: number
  /** One lane's step by itself. */
  readonly laneMs: number
  /** Of it, the engine's thread. */
  readonly engineMs: number
  /** Of it, the busiest host of each layer, one layer after the other. */
  readonly hostMs: number
  /** Calls of one lane's step to hosts. */
  readonly callsPerStep: number
  /** Calls of all lanes. */
  readonly callsPerRound: number
  readonly tokensPerS: number
  /** What the round waits for. */
  readonly limit: 'latency' | 'engine' | 'host' | 'thread'
}

/**
 * Predicted time of decoding or reading `tokens` at a time (docs/design/cost.md has the formula):
 *   engine = trunk bytes / read + further tokens · trunk weights / tokenRate + keys and values / read + layers · layerMs + calls · callMs + new tokens · tokenMs
 *   lane   = engine + Σ layers (rttMs + busiest host's pairs)
 *   round  = max(lane, lanes · engine, lanes · busiest host of all layers)       on one thread: lanes · (engine + all hosts + gateway), or lane where that is more
 */
export function estimateStep(model: StepModel, load: StepLoad): StepEstimate {
  const { spec, rates, placement, oneThread } = model
  const tokens = Math.ceil(load.tokens / model.lanes) // a lane takes its part, rounded up: the last may have fewer
  const lanes = Math.ceil(load.tokens / tokens)
  const expertBytes = expertSlotBytes(spec, model.tier)
  const expertWeights = expertMatrices(spec).reduce((sum, { rows, cols }) => sum + rows * cols, 0)
  const workMs = (pairs: number, experts: number): number => {
    const distinct = Math.min(pairs, distinctExperts(pairs, experts))
    return (distinct * expertBytes * 1000) / rates.readBytesPerS + ((pairs - distinct) * expertWeights * 1000) / rates.tokenWeightsPerS
  }
  const hostSums = placement.hosts.map(() => 0)
  let calls = 0
  let hostMs = 0
  for (const layer of moeLayers(spec)) {
    const held = expertsByHost(placement, layer)
    const split = splitLayer([...held.values()], tokens, spec.router.topK)
    calls += split.calls
    hostMs += workMs(split.busiestPairs, split.busiestExperts)
    for (const [index, [host, experts]] of Array.from(held).entries()) hostSums[host]! += workMs(split.pairs[index]!, experts)
  }
  const engineMs = engineTimeMs(model, tokens, load, lanes) + calls * rates.callMs
  const layers = moeLayers(spec).length
  const laneMs = engineMs + (layers + model.stages - 1) * rates.rttMs + hostMs
  const allHostsMs = hostSums.reduce((sum, ms) => sum + ms, 0)
  const threadMs = lanes * (engineMs + allHostsMs) + load.logits * rates.gatewayTokenMs
  const bounds: [StepEstimate['limit'], number][] = oneThread
    ? [
        ['thread', threadMs],
        ['latency', engineMs + layers * rates.rttMs + allHostsMs],
      ]
    : [
        ['latency', laneMs],
        ['engine', (lanes * engineMs) / model.stages],
        ['host', lanes * Math.max(0, ...hostSums)],
      ]
  const [limit, roundMs] = bounds.reduce((most, bound) => (bound[1] > most[1] ? bound : most))
  return { roundMs, laneMs, engineMs, hostMs, callsPerStep: calls, callsPerRound: calls * lanes, tokensPerS: (load.tokens * 1000) / roundMs, limit }
}

/** Trunk, keys and values, and script of one lane's step. */
function engineTimeMs({ spec, trunk, tier, rates }: StepModel, tokens: number, load: StepLoad, lanes: number): number {
  const matrixMs = (bytes: number, weights: number, rows: number): number =>
    (bytes * 1000) / rates.readBytesPerS + (Math.max(0, rows - 1) * weights * 1000) / rates.tokenWeightsPerS
  let ms = 0
  for (const tensor of trunkTensors(spec)) {
    if (tensor.kind === 'vector' || tensor.name === 'embed' || tensor.name === 'head') continue // of an embedding a token reads one row
    ms += matrixMs(encodedBytes(tensorEncoding(tensor, trunk), tensor.rows, tensor.cols), tensor.rows * tensor.cols, tokens)
  }
  const head = { name: 'head', kind: 'matrix', precision: 'tier', rows: spec.vocab, cols: spec.hidden } as const
  const rows = Math.ceil(load.logits / lanes)
  const passes = Math.ceil(rows / LOGITS_ROWS)
  if (passes > 0) ms += passes * matrixMs(encodedBytes(tensorEncoding(head, trunk), head.rows, head.cols), head.rows * head.cols, rows / passes)
  const kvBytes = (kvPageBytes(spec, tier) / KV_PAGE_POSITIONS) * load.context
  return ms + (tokens * kvBytes * 1000) / rates.readBytesPerS + spec.layers.length * rates.layerMs + rows * rates.tokenMs
}

/** Host → experts of a layer that it holds: base replicas. */
function expertsByHost(placement: Placement, layer: number): Map<number, number> {
  const held = new Map<number, number>()
  for (const host of placement.base[layer]!) held.set(host, (held.get(host) ?? 0) + 1)
  return held
}
