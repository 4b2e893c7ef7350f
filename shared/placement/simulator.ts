import { fewestMoves } from './assignment.ts'
import { distinctHosts, evenLoads, expertsByHost, newExperts } from './layer-copies.ts'
import type { LayerCopies } from './layer-copies.ts'
import { lpBound } from './lp-bound.ts'
import type { RoutingTrace } from './routing-trace.ts'
import { createSplitTally } from './split-tally.ts'
import type { BatchSplit, StepWork } from './split-tally.ts'
import { splitTable } from './splitter.ts'

/** A trace cut into windows, in the order in which it is replayed. Tokens that fill no window are left out. */
export interface Replay {
  readonly layers: number
  readonly experts: number
  readonly topK: number
  readonly windows: number
  readonly windowTokens: number
  /** [layers, windows · windowTokens, topK] */
  readonly ids: Uint8Array
  /** [windows][layers][experts] tokens of each expert. */
  readonly counts: readonly (readonly (readonly number[])[])[]
}

/** A placement policy under simulation. Windows come in order, from 1 on; it may look at the counts of earlier ones (and foresight at its own). */
export interface SimulatedPolicy {
  readonly name: string
  /** @returns [layers] what is in place while window `window` is served. */
  place(window: number): readonly LayerCopies[]
}

export interface SimulationOptions {
  readonly hosts: number
  /** Tokens of one step: one of each stream. Divides the window. */
  readonly stepTokens: number
  /** How steps are split; none: only the window scores that are cheap. */
  readonly splits: readonly BatchSplit[]
}

/** max/mean of the hosts' loads: 1 is perfect. */
export interface Balance {
  readonly mean: number
  /** Nearest rank. */
  readonly p99: number
}

export interface PolicyScores {
  readonly policy: string
  /** A window and layer a sample. Every copy gets an equal share. */
  readonly even: Balance
  /** Loads divided freely over replicas: the least possible. */
  readonly lp: Balance
  readonly splits: readonly SplitScores[]
  /** Copies of an expert on a host that has it already, a layer. */
  readonly duplicatesPerLayer: number
  /** (expert, host) pairs of a window's placement that the one before has not, over all layers; mean over the changes. */
  readonly moves: number
  /** The same if hosts might be renumbered in every layer: the least possible. */
  readonly movesRenumbered: number
  /** The same as `moves`, change by change: from window 1 to 2 first. */
  readonly movesByWindow: readonly number[]
  readonly copies: number
}

export interface SplitScores {
  readonly split: BatchSplit
  /** Tallies of a window: from zero there for least_loaded, sums of its steps for the others. */
  readonly window: Balance
  /** One step and layer a sample. */
  readonly step: Balance
  /** Share of windows and layers in which it is worse than an even split of the window. */
  readonly worseThanEven: number
  /** Mean over steps and layers. */
  readonly work: StepWork
}

/** @param order token numbers in order of replay. */
export function prepareReplay(trace: RoutingTrace, order: Uint32Array, windowTokens: number): Replay {
  const { layers, experts, topK } = trace
  const windows = Math.floor(order.length / windowTokens)
  const tokens = windows * windowTokens
  const ids = new Uint8Array(layers * tokens * topK)
  const counts = Array.from({ length: windows }, () => Array.from({ length: layers }, () => Array.from({ length: experts }, () => 0)))
  for (let layer = 0; layer < layers; layer++) {
    for (let at = 0; at < tokens; at++) {
      const from = (layer * trace.tokens + order[at]!) * topK
      const window = counts[Math.floor(at / windowTokens)]![layer]!
      for (let k = 0; k < topK; k++) {
        const id = trace.ids[from + k]!
        ids[(layer * tokens + at) * topK + k] = id
        window[id]!++
      }
    }
  }
  return { layers, experts, topK, windows, windowTokens, ids, counts }
}

/** Replays every window but the first, which is only history, under a policy. SPEC SI2. */
export function simulate(replay: Replay, policy: SimulatedPolicy, { hosts, stepTokens, splits }: SimulationOptions): PolicyScores {
  const { layers, topK, windows, windowTokens, ids, counts } = replay
  const mean = (windowTokens * topK) / hosts
  const even: number[] = []
  const lp: number[] = []
  const tallies = splits.map((split) => createSplitTally(split, { hosts, experts: replay.experts, topK, stepTokens }))
  const moves: number[] = []
  let fewest = 0
  let copies = 0
  let duplicates = 0
  let before: readonly Set<number>[][] | null = null
  for (let window = 1; window < windows; window++) {
    const placed = policy.place(window)
    const now = placed.map((layer) => expertsByHost(layer, hosts))
    for (const [layer, held] of placed.entries()) {
      const replicas = distinctHosts(held)
      const load = counts[window]![layer]!
      even.push(Math.max(...evenLoads(load, held, hosts)) / mean)
      lp.push(lpBound(load, replicas, hosts) / mean)
      const start = (layer * windows + window) * windowTokens * topK
      const table = splitTable(replicas, hosts)
      for (const tally of tallies) tally.window(table, ids.subarray(start, start + windowTokens * topK), held)
      copies += held.reduce((sum, on) => sum + on.length, 0)
      duplicates += held.reduce((sum, on, expert) => sum + on.length - replicas[expert]!.length, 0)
    }
    if (before) {
      moves.push(now.reduce((sum, layer, l) => sum + newPairs(layer, before![l]!), 0))
      fewest += now.reduce((sum, layer, l) => sum + fewestMoves(layer, before![l]!), 0)
    }
    before = now
  }
  const scored = windows - 1
  return {
    policy: policy.name,
    even: balance(even),
    lp: balance(lp),
    splits: tallies.map((tally) => ({
      split: tally.split,
      window: balance(tally.windows),
      step: balance(tally.steps),
      worseThanEven: tally.windows.filter((value, i) => value > even[i]! + 1e-9).length / even.length,
      work: tally.meanWork(),
    })),
    duplicatesPerLayer: duplicates / scored / layers,
    moves: moves.reduce((sum, count) => sum + count, 0) / moves.length,
    movesRenumbered: fewest / moves.length,
    movesByWindow: moves,
    copies: copies / scored,
  }
}

/** Mean and 99th percentile by nearest rank. */
function balance(samples: readonly number[]): Balance {
  const sorted = Float64Array.from(samples).sort()
  return { mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length, p99: sorted[Math.ceil(0.99 * sorted.length) - 1]! }
}

function newPairs(now: readonly ReadonlySet<number>[], before: readonly ReadonlySet<number>[]): number {
  return now.reduce((sum, held, host) => sum + newExperts(held, before[host]!), 0)
}
