import type { Placement } from '../../shared/placement/placement.ts'

/** The same hosts with another table, one epoch later. @param replicas hosts of an expert; its base comes first of those that are returned. */
export function nextPlacement(of: Placement, replicas: (layer: number, expert: number) => readonly number[]): Placement {
  const layers = of.layers.map((experts, layer) => experts.map((_, expert) => Array.from(new Set(replicas(layer, expert)))))
  return {
    epoch: of.epoch + 1,
    hosts: of.hosts,
    base: layers.map((experts) => experts.map(([base]) => base!)),
    layers: layers.map((experts) => experts.map((held) => held.toSorted((a, b) => a - b))),
  }
}

/** Every expert on its base and on one host more. */
export function twoOfEach(of: Placement): Placement {
  return nextPlacement(of, (layer, expert) => {
    const base = of.base[layer]![expert]!
    return [base, (base + 1 + ((layer + expert) % (of.hosts.length - 1))) % of.hosts.length]
  })
}

/** Every expert on some hosts, drawn from `seed`. */
export function drawnPlacement(of: Placement, seed: number): Placement {
  const count = of.hosts.length
  return nextPlacement(of, (layer, expert) => {
    const draw = hash(seed, layer, expert)
    return [draw % count, ...Array.from({ length: count }, (_, host) => host).filter((host) => (draw >>> (8 + 2 * host)) % 4 === 0)]
  })
}

function hash(...values: readonly number[]): number {
  let h = 0x811c9dc5
  for (const value of values) h = Math.imul((h ^ value) >>> 0, 0x01000193) ^ (h >>> 13)
  return Math.imul(h ^ (h >>> 16), 0x9e3779b1) >>> 0
}
