/** Which hosts hold each routed expert: layers[layer][expert] = indexes into `hosts`, ascending. A dense layer has no experts. */
export interface Placement {
  readonly epoch: number
  readonly hosts: readonly string[]
  readonly layers: readonly (readonly (readonly number[])[])[]
}

/** The (layer, expert) pairs that one host holds, ascending. */
export function expertsOfHost(placement: Placement, host: number): (readonly [layer: number, expert: number])[] {
  return placement.layers.flatMap((experts, layer) => experts.flatMap((replicas, expert) => (replicas.includes(host) ? [[layer, expert] as const] : [])))
}
