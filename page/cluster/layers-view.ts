import type { Placement } from '../../shared/placement/placement.ts'
import type { Heat } from './heat.ts'
import { COLD } from './heat.ts'

/** A layer as a row of the map. */
export interface LayerRow {
  readonly layer: number
  readonly extraCount: number
  readonly experts: readonly ExpertCell[]
}

export interface ExpertCell {
  readonly layer: number
  readonly expert: number
  readonly heat: Heat
  /** Hosts that hold it, the base's first. */
  readonly hosts: readonly string[]
}

/** The layers that have experts. */
export function layerRows({ hosts, layers, base }: Placement, heat: readonly (readonly Heat[])[]): readonly LayerRow[] {
  return layers.flatMap((experts, layer) => {
    if (experts.length === 0) return []
    const cells = experts.map((replicas, expert) => {
      const first = base[layer]?.[expert]
      const ordered = replicas.toSorted((a, b) => Number(b === first) - Number(a === first) || a - b)
      return { layer, expert, heat: heat[layer]?.[expert] ?? COLD, hosts: ordered.map((host) => hosts[host] ?? `host ${host}`) }
    })
    return [{ layer, extraCount: cells.reduce((sum, cell) => sum + Math.max(0, cell.hosts.length - 1), 0), experts: cells }]
  })
}
