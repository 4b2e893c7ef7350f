/**
 * Which hosts hold each routed expert. Hosts are indexes into `hosts`; a dense layer has no experts. An epoch names one table for ever. SPEC PL5.
 * A cold standby is a host that holds nothing.
 */
export interface Placement {
  readonly epoch: number
  readonly hosts: readonly string[]
  /** [layers][experts] → the host of the base replica. It stays where it is; only a lost host's moves. SPEC PL6. */
  readonly base: readonly (readonly number[])[]
  /** [layers][experts] → all its hosts, ascending, the base's among them. */
  readonly layers: readonly (readonly (readonly number[])[])[]
}

/** The (layer, expert) pairs that one host holds, ascending. */
export function expertsOfHost(placement: Placement, host: number): (readonly [layer: number, expert: number])[] {
  return placement.layers.flatMap((experts, layer) => experts.flatMap((replicas, expert) => (replicas.includes(host) ? [[layer, expert] as const] : [])))
}

/** Whether both give the same experts to the same hosts, whatever their epochs. */
export function samePlaces(a: Placement, b: Placement): boolean {
  return JSON.stringify([a.hosts, a.base, a.layers]) === JSON.stringify([b.hosts, b.base, b.layers])
}

/** Whether a host holds anything. */
export function holdsExperts(placement: Placement, host: number): boolean {
  return placement.layers.some((experts) => experts.some((replicas) => replicas.includes(host)))
}
