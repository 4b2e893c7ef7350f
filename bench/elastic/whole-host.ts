import { lpBound } from '../../shared/placement/lp-bound.ts'
import { expertsOfHost } from '../../shared/placement/placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { Load, Move } from '../../shared/placement/plan.ts'
import type { NamedExperts } from './trial.ts'

/**
 * What a scaler that knows only whole hosts would do: every expert of the busiest host goes to an idle one, then those of the next busiest, until the least possible
 * time of a step is not above `enough`, or no idle host is left.
 * @param enough of `busiestPairs`: what it has to reach.
 */
export function copyWholeHosts(placement: Placement, load: Load, enough: number): NamedExperts {
  const idle = placement.hosts.flatMap((_, host) => (expertsOfHost(placement, host).length === 0 ? [host] : []))
  const busy = [...placement.hosts.keys()].filter((host) => !idle.includes(host))
  const pairs = pairsOfHosts(placement, load)
  busy.sort((a, b) => pairs[b]! - pairs[a]! || a - b)
  let copied = placement
  const layers = placement.layers.map((experts) => experts.map((replicas) => [...replicas]))
  for (const [i, host] of busy.entries()) {
    const twin = idle[i]
    if (twin === undefined || busiestPairs(copied, load) <= enough) break
    for (const [layer, expert] of expertsOfHost(placement, host)) layers[layer]![expert]!.push(twin)
    copied = { ...placement, layers }
  }
  return layers.flatMap((experts, layer) =>
    experts.flatMap((replicas, expert) =>
      replicas.length === placement.layers[layer]![expert]!.length ? [] : [{ layer, expert, hosts: replicas.map((host) => placement.hosts[host]!) }],
    ),
  )
}

/** The least possible pairs of a step's busiest hosts, summed over layers: what a step takes where calls cost nothing. */
export function busiestPairs({ layers, hosts }: Placement, load: Load): number {
  return layers.reduce((sum, experts, layer) => sum + (experts.length === 0 ? 0 : lpBound(load[layer]!, experts, hosts.length)), 0)
}

/** The same where each copy of an expert gets an equal part of its load. */
export function busiestPairsEvenly({ layers, hosts }: Placement, load: Load): number {
  return layers.reduce((sum, experts, layer) => {
    const pairs = Array.from({ length: hosts.length }, () => 0)
    experts.forEach((replicas, expert) => replicas.forEach((host) => (pairs[host]! += load[layer]![expert]! / replicas.length)))
    return sum + Math.max(...pairs)
  }, 0)
}

/** A placement after a plan's moves. */
export function afterMoves(placement: Placement, moves: readonly Move[]): Placement {
  const layers = placement.layers.map((experts) => experts.map((replicas) => [...replicas]))
  for (const { kind, layer, expert, host } of moves) {
    const index = placement.hosts.indexOf(host)
    const replicas = layers[layer]![expert]!
    layers[layer]![expert] = kind === 'load' ? [...replicas, index].toSorted((a, b) => a - b) : replicas.filter((other) => other !== index)
  }
  return { ...placement, layers }
}

/** Pairs of each host, an expert's shared evenly over its replicas. */
function pairsOfHosts({ layers, hosts }: Placement, load: Load): number[] {
  const pairs = Array.from({ length: hosts.length }, () => 0)
  layers.forEach((experts, layer) =>
    experts.forEach((replicas, expert) => replicas.forEach((host) => (pairs[host]! += load[layer]![expert]! / replicas.length))),
  )
  return pairs
}
