import cases from '../../test/fixtures/placement/eplb.json' with { type: 'json' }
import { eplb } from '../../shared/placement/eplb.ts'
import { hostNames } from '../../shared/placement/host-names.ts'
import { distinctHosts } from '../../shared/placement/layer-copies.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import { plan } from '../../shared/placement/plan.ts'
import type { PlanLimits } from '../../shared/placement/plan.ts'
import { policyByName } from '../../shared/placement/sim-policies.ts'
import type { Replay } from '../../shared/placement/simulator.ts'
import { splitFractions } from '../../shared/placement/split-fractions.ts'
import { createSplitter, splitTable } from '../../shared/placement/splitter.ts'
import type { SplitTable } from '../../shared/placement/splitter.ts'
import type { Figure } from '../figures.ts'
import { Samples } from '../samples.ts'
import { SHAPE } from './cluster-shape.ts'

/** A layer of DeepSeek-V3's size under a Zipf load: the golden case, 32 copies beside the 256 experts. */
const LARGE = cases.cases.find(({ name }) => name === 'deepseek_v3_size')!
const COPIES = LARGE.num_replicas - LARGE.weights[0]!.length
/** Pairs of a step: 64 tokens, top 8. */
const LARGE_PAIRS = 512
const STEP_TOKENS = [1, 4, 16, 64]
/** What a call costs in pairs, where it costs anything. */
const CALL_PAIRS = 8
/** Between two looks at the clock. */
const LOOK_MS = 50

/** One layer of 256 experts on 32 hosts: planned from base replicas alone, planned again when the load has moved, and EPLB's plan of the same. */
export function plannerTimes(rounds: number): Figure[] {
  const weights = LARGE.weights[0]!
  const total = weights.reduce((sum, w) => sum + w, 0)
  const load = weights.map((w) => (w * LARGE_PAIRS) / total)
  const moved = load.map((_, expert) => load[(expert + 1) % load.length]!)
  const base = load.map((_, expert) => Math.floor((expert * LARGE.num_gpus) / load.length))
  const current: Placement = { epoch: 1, hosts: hostNames(LARGE.num_gpus), base: [base], layers: [base.map((host) => [host])] }
  const budgetBytes = (LARGE.num_replicas / LARGE.num_gpus) * SHAPE.expertBytes
  const hosts = current.hosts.map((host) => ({ host, isolateId: null, budgetBytes: 2 * budgetBytes, speed: 1, state: 'warm' as const }))
  const limits: PlanLimits = {
    deviation: [load.map(Math.sqrt)],
    expertBytes: [load.map(() => SHAPE.expertBytes)],
    cost: SHAPE.cost,
    movesMax: COPIES,
    moveBytesMax: Infinity,
    copiesMax: COPIES,
    gainMin: SHAPE.policy.gainMin,
    mayDrop: null,
  }
  const planned = plan([load], hosts, current, limits).target
  const replicas = distinctHosts(planned.layers[0]!)
  const shape = { replicas: LARGE.num_replicas, groups: 1, nodes: 1, gpus: LARGE.num_gpus }
  const runs: Record<string, () => unknown> = {
    ours: () => plan([load], hosts, current, limits),
    again: () => plan([moved], hosts, planned, limits),
    eplb: () => eplb([weights], shape),
    bound: () => splitFractions(load, replicas, LARGE.num_gpus),
  }
  const samples = timeAll(runs, rounds, 1)
  return [
    samples.figure('plan.ms_256x32', 'ms', 'ours', 'from base replicas alone'),
    samples.figure('plan.ms_256x32.again', 'ms', 'again', 'from its own plan, after the load has moved'),
    samples.figure('plan.ms_256x32.eplb', 'ms', 'eplb', "EPLB's algorithm in our TypeScript"),
    samples.figure('plan.ms_256x32.bound', 'ms', 'bound', 'exact fractional split of our plan'),
  ]
}

/** One call of the splitter on real decode steps, in a layer with 16 copies and in one without. */
export function splitterTimes(replay: Replay, rounds: number): Figure[] {
  const placed = policyByName(replay, 'pinned', SHAPE).place(replay.windows - 1)[0]!
  const table = splitTable(distinctHosts(placed), SHAPE.hosts)
  const single = splitTable(
    placed.map((copies) => [copies[0]!]),
    SHAPE.hosts,
  )
  const runs: Record<string, () => void> = { none: splitLoop(single, stepCounts(replay, 64), 0) }
  for (const tokens of STEP_TOKENS) {
    const steps = stepCounts(replay, tokens)
    runs[`${tokens}`] = splitLoop(table, steps, 0)
    runs[`${tokens}.dear`] = splitLoop(table, steps, CALL_PAIRS)
  }
  const samples = timeAll(runs, rounds, 1000)
  return [
    samples.figure('plan.split_us.no_replicas', 'µs', 'none', 'a layer without replicas'),
    ...STEP_TOKENS.map((tokens) => samples.figure(`plan.split_us.${tokens}`, 'µs', `${tokens}`, `${tokens} tokens, top 4, 16 copies on 8 hosts`)),
    ...STEP_TOKENS.map((tokens) => samples.figure(`plan.split_us.${tokens}.dear`, 'µs', `${tokens}.dear`, `the same, a call costs ${CALL_PAIRS} pairs`)),
  ]
}

/** Pairs of each expert in the steps of layer 0, step by step. */
function stepCounts({ experts, topK, ids }: Replay, tokens: number): Uint32Array[] {
  return Array.from({ length: 256 }, (_, step) => {
    const counts = new Uint32Array(experts)
    for (const id of ids.subarray(step * tokens * topK, (step + 1) * tokens * topK)) counts[id]!++
    return counts
  })
}

function splitLoop(table: SplitTable, steps: readonly Uint32Array[], callPairs: number): () => void {
  const split = createSplitter(SHAPE.hosts, () => callPairs)
  const shares = new Uint32Array(table.hostOf.length)
  let step = 0
  return () => split(table, steps[step++ & 255]!, shares)
}

/** One sample a round of each, in milliseconds times `scale`. */
function timeAll(runs: Readonly<Record<string, () => unknown>>, rounds: number, scale: number): Samples {
  const samples = new Samples()
  const timers = Object.entries(runs).map(([name, run]) => [name, timerOf(run)] as const)
  for (let round = 0; round < rounds; round++) for (const [name, timer] of timers) samples.add(name, scale * timer())
  return samples
}

/** A stopwatch, warm: milliseconds a call, of this thread, so what else the machine does is not in it. That clock is coarse: many calls a look. */
function timerOf(run: () => unknown): () => number {
  let calls = 1
  function lookMs(): number {
    const start = process.threadCpuUsage()
    for (let call = 0; call < calls; call++) run()
    const { user, system } = process.threadCpuUsage(start)
    return (user + system) / 1000
  }
  while (lookMs() < LOOK_MS) calls *= 2
  return () => lookMs() / calls
}
