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
