/** [experts][copies] host of each copy, in one layer. An expert twice on a host is two copies: EPLB does that. */
export type LayerCopies = readonly (readonly number[])[]

/** [experts][replicas] hosts of each, distinct and ascending. */
export function distinctHosts(copies: LayerCopies): number[][] {
  return copies.map((on) => [...new Set(on)].sort((a, b) => a - b))
}

/** [hosts] experts of each. */
export function expertsByHost(copies: LayerCopies, hosts: number): Set<number>[] {
  const sets = Array.from({ length: hosts }, () => new Set<number>())
  copies.forEach((on, expert) => on.forEach((host) => sets[host]!.add(expert)))
  return sets
}

/** Experts that a host must bring in: those of `now` that `before` has not. */
export function newExperts(now: ReadonlySet<number>, before: ReadonlySet<number>): number {
  let count = 0
  for (const expert of now) if (!before.has(expert)) count++
  return count
}

/** [hosts] load of each where every copy gets an equal share. */
export function evenLoads(load: readonly number[], copies: LayerCopies, hosts: number): Float64Array {
  const loads = new Float64Array(hosts)
  copies.forEach((on, expert) => on.forEach((host) => (loads[host]! += load[expert]! / on.length)))
  return loads
}
