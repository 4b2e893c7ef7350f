import { eplb } from './eplb.ts'
import type { LayerCopies } from './layer-copies.ts'
import { isomoePolicy } from './sim-isomoe.ts'
import type { IsomoeShape } from './sim-isomoe.ts'
import type { Replay, SimulatedPolicy } from './simulator.ts'

/** What a policy plans a window from: the window before, all before, or the window itself (which nobody has). */
export const KNOWLEDGE = ['prev', 'history', 'foresight'] as const
export type Knowledge = (typeof KNOWLEDGE)[number]

/** Hosts, and the slots that a layer has beyond one for each expert. Slots are the same on every host. */
export interface ClusterShape {
  readonly hosts: number
  readonly redundant: number
}

/** How a layer's load becomes a plan, for the policies that plan each window anew. */
export const REPLANNERS = { eplb: planEplb, greedy: planGreedy, pinned: planPinned } as const
export type Replanner = keyof typeof REPLANNERS

/** Expert e on host ⌊e · hosts / experts⌋, for ever. */
export function staticPolicy({ layers, experts }: Replay, { hosts }: ClusterShape): SimulatedPolicy {
  const placed = Array.from({ length: layers }, () => Array.from({ length: experts }, (_, expert) => [homeOf(expert, experts, hosts)]))
  return { name: 'static', place: () => placed }
}

/** Plans every window from nothing but the load. SPEC SI2. */
export function replanningPolicy(replay: Replay, planner: Replanner, knowledge: Knowledge, shape: ClusterShape): SimulatedPolicy {
  const past = replay.counts[0]!.map((load) => load.map(() => 0))
  let summed = 0
  function loadOf(window: number): readonly (readonly number[])[] {
    if (knowledge !== 'history') return replay.counts[knowledge === 'prev' ? window - 1 : window]!
    for (; summed < window; summed++) {
      replay.counts[summed]!.forEach((load, layer) => load.forEach((count, expert) => (past[layer]![expert]! += count)))
    }
    return past
  }
  return { name: `${planner}_${knowledge}`, place: (window) => loadOf(window).map((load) => REPLANNERS[planner](load, shape)) }
}

/** `static`, and the planners by what they know: `eplb_prev`. A planner's name alone is with what suits it best on the recorded traffic. */
export const POLICIES = [
  'static',
  'isomoe',
  'eplb',
  'greedy',
  'pinned',
  ...replanners().flatMap((planner) => KNOWLEDGE.map((known) => `${planner}_${known}` as const)),
] as const
export type PolicyName = (typeof POLICIES)[number]
const USUAL = { eplb: 'eplb_prev', greedy: 'greedy_prev', pinned: 'pinned_history' } as const

export function policyByName(replay: Replay, name: PolicyName, shape: IsomoeShape): SimulatedPolicy {
  if (name === 'static') return staticPolicy(replay, shape)
  if (name === 'isomoe') return isomoePolicy(replay, shape)
  if (name === 'eplb' || name === 'greedy' || name === 'pinned') return policyByName(replay, USUAL[name], shape)
  const [planner, knowledge] = name.split('_') as [Replanner, Knowledge] // as POLICIES builds them
  return replanningPolicy(replay, planner, knowledge, shape)
}

function replanners(): Replanner[] {
  return Object.keys(REPLANNERS) as Replanner[]
}

function homeOf(expert: number, experts: number, hosts: number): number {
  return Math.floor((expert * hosts) / experts)
}

function planEplb(load: readonly number[], { hosts, redundant }: ClusterShape): LayerCopies {
  const slots = load.length + redundant
  const plan = eplb([load], { replicas: slots, groups: 1, nodes: 1, gpus: hosts })
  const copies = load.map((): number[] => [])
  plan.physicalToLogical[0]!.forEach((expert, slot) => copies[expert]!.push(Math.floor(slot / (slots / hosts))))
  return copies
}

function planGreedy(load: readonly number[], shape: ClusterShape): LayerCopies {
  return pack(load, shape, false)
}

/** First copies stay on their contiguous host; the others are packed around them. A copy without a possible host is dropped. */
function planPinned(load: readonly number[], shape: ClusterShape): LayerCopies {
  return pack(load, shape, true)
}

/**
 * One copy more for the largest load / copies of those with fewer copies than hosts (lower expert on a tie), `redundant` times; then the copies by
 * load / copies descending, each to the least loaded host that has room and not the expert (lower host on a tie).
 */
function pack(load: readonly number[], { hosts, redundant }: ClusterShape, pinned: boolean): LayerCopies {
  const experts = load.length
  const slots = (experts + redundant) / hosts
  const count = load.map(() => 1)
  for (let extra = 0; extra < redundant; extra++) {
    let most = -1
    for (let e = 0; e < experts; e++) if (count[e]! < hosts && (most < 0 || load[e]! / count[e]! > load[most]! / count[most]!)) most = e
    if (most >= 0) count[most]!++
  }
  const copies = load.map((_, e) => (pinned ? [homeOf(e, experts, hosts)] : []))
  const hostLoads = new Float64Array(hosts)
  const held = new Uint32Array(hosts)
  function put(expert: number, host: number): void {
    hostLoads[host]! += load[expert]! / count[expert]!
    held[host]!++
  }
  copies.forEach((on, expert) => on.forEach((host) => put(expert, host)))
  const order = load.map((_, e) => e).sort((a, b) => load[b]! / count[b]! - load[a]! / count[a]! || a - b)
  for (const expert of order) {
    for (let copy = copies[expert]!.length; copy < count[expert]!; copy++) {
      let least = -1
      for (let host = 0; host < hosts; host++) {
        if (held[host]! < slots && !copies[expert]!.includes(host) && (least < 0 || hostLoads[host]! < hostLoads[least]!)) least = host
      }
      if (least < 0) continue
      put(expert, least)
      copies[expert]!.push(least)
    }
  }
  return copies
}
