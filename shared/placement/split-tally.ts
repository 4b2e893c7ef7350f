import type { LayerCopies } from './layer-copies.ts'
import { createSplitter } from './splitter.ts'
import type { SplitTable } from './splitter.ts'

/**
 * How a step's pairs are shared over replicas. `even`: every copy an equal share, in fractions (EPLB). `least_loaded`: token by token, each expert to the host
 * that has least so far. `water`: the product's splitter.
 */
export const BATCH_SPLITS = ['even', 'least_loaded', 'water'] as const
export type BatchSplit = (typeof BATCH_SPLITS)[number]

/** What one step costs in one layer: see the cost model. */
export interface StepWork {
  /** Hosts that get at least one pair. */
  readonly hostsCalled: number
  /** Pairs of the busiest. */
  readonly busiestPairs: number
}

export interface TallyShape {
  readonly hosts: number
  readonly experts: number
  readonly topK: number
  readonly stepTokens: number
}

/**
 * Scores one split, window by window and layer by layer: `window(table, ids, copies)` takes the experts of a window's tokens [tokens, topK] and the replicas, and
 * adds a sample to `windows` and one a step to `steps`, each max/mean of the hosts' loads. Full steps only.
 */
export function createSplitTally(split: BatchSplit, { hosts, experts, topK, stepTokens }: TallyShape) {
  const stepPairs = stepTokens * topK
  const windows: number[] = []
  const steps: number[] = []
  let called = 0
  let busiest = 0
  const counts = new Uint32Array(experts)
  /** [hosts] of the step, of the window. */
  const stepLoads = new Float64Array(hosts)
  const windowLoads = new Float64Array(hosts)
  const water = createSplitter(hosts, () => 0)
  let shares = new Uint32Array(0)

  function window(table: SplitTable, ids: Uint8Array, copies: LayerCopies): void {
    if (shares.length < table.hostOf.length) shares = new Uint32Array(table.hostOf.length)
    windowLoads.fill(0)
    for (let start = 0; start + stepPairs <= ids.length; start += stepPairs) {
      stepLoads.fill(0)
      const step = ids.subarray(start, start + stepPairs)
      if (split === 'least_loaded') {
        toLeastLoaded(table, step, stepLoads)
        toLeastLoaded(table, step, windowLoads) // its tallies go on through the window
      } else {
        counts.fill(0)
        for (let i = 0; i < stepPairs; i++) counts[step[i]!]!++
        if (split === 'even') addEven(copies)
        else addWater(table)
        for (let host = 0; host < hosts; host++) windowLoads[host]! += stepLoads[host]!
      }
      record(stepLoads, steps)
      let max = 0
      for (let host = 0; host < hosts; host++) {
        if (stepLoads[host]! > 0) called++
        if (stepLoads[host]! > max) max = stepLoads[host]!
      }
      busiest += max
    }
    record(windowLoads, windows)
  }

  function addEven(copies: LayerCopies): void {
    for (let expert = 0; expert < experts; expert++) {
      const count = counts[expert]!
      if (count > 0) for (const host of copies[expert]!) stepLoads[host]! += count / copies[expert]!.length
    }
  }

  function addWater(table: SplitTable): void {
    water(table, counts, shares)
    for (let slot = 0; slot < table.hostOf.length; slot++) stepLoads[table.hostOf[slot]!]! += shares[slot]!
  }

  return { split, windows, steps, window, meanWork: (): StepWork => ({ hostsCalled: called / steps.length, busiestPairs: busiest / steps.length }) }
}

/** Lower host on a tie. */
function toLeastLoaded({ first, hostOf }: SplitTable, ids: Uint8Array, loads: Float64Array): void {
  for (let i = 0; i < ids.length; i++) {
    const expert = ids[i]!
    let least = hostOf[first[expert]!]!
    for (let slot = first[expert]! + 1; slot < first[expert + 1]!; slot++) if (loads[hostOf[slot]!]! < loads[least]!) least = hostOf[slot]!
    loads[least]!++
  }
}

/** max/mean. */
function record(loads: Float64Array, samples: number[]): void {
  let max = 0
  let sum = 0
  for (let host = 0; host < loads.length; host++) {
    sum += loads[host]!
    if (loads[host]! > max) max = loads[host]!
  }
  samples.push((max * loads.length) / sum)
}
