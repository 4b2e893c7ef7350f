import { splitFractions } from './split-fractions.ts'

/** Up to so many hosts all sets of hosts are tried; beyond, the flow of splitFractions is faster. */
const SUBSET_HOSTS_MAX = 10

/**
 * The least possible maximum of load / speed over hosts when each expert's load may be divided freely over its replicas. SPEC SP1.
 * @param load [experts]; `replicas` [experts][replicas] hosts of each, distinct.
 */
export function lpBound(load: readonly number[], replicas: readonly (readonly number[])[], hosts: number, speeds?: readonly number[]): number {
  return hosts <= SUBSET_HOSTS_MAX ? lpBoundBySubsets(load, replicas, hosts, speeds) : splitFractions(load, replicas, hosts, speeds).max
}

/** Closed form: the maximum over non-empty sets S of hosts of (load of the experts that live only inside S) / (speed of S). 2^hosts sums. */
export function lpBoundBySubsets(load: readonly number[], replicas: readonly (readonly number[])[], hosts: number, speeds?: readonly number[]): number {
  const inside = new Float64Array(1 << hosts)
  const speed = new Float64Array(1 << hosts)
  load.forEach((w, expert) => (inside[replicas[expert]!.reduce((set, host) => set | (1 << host), 0)]! += w))
  for (let host = 0; host < hosts; host++) {
    const bit = 1 << host
    for (let set = bit; set < inside.length; set = (set + 1) | bit) inside[set]! += inside[set ^ bit]! // after all hosts: the sum over subsets
  }
  for (let host = 0; host < hosts; host++) {
    const bit = 1 << host
    for (let below = 0; below < bit; below++) speed[bit + below] = speed[below]! + (speeds?.[host] ?? 1)
  }
  let bound = 0
  for (let set = 1; set < inside.length; set++) bound = Math.max(bound, inside[set]! / speed[set]!)
  return bound
}
