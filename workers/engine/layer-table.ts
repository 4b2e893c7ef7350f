import { splitTable } from '../../shared/placement/splitter.ts'
import type { SplitTable } from '../../shared/placement/splitter.ts'

/** What one host may be asked for in a layer, experts ascending. */
export interface HostGroup {
  readonly host: number
  readonly experts: Uint32Array
  /** Of each expert, its replica here: a slot of the split. */
  readonly slots: Uint32Array
}

/** A layer of a placement as the dispatch reads it. */
export interface LayerTable {
  readonly split: SplitTable
  readonly slots: number
  /** Hosts ascending. */
  readonly groups: readonly HostGroup[]
}

/**
 * @param layer [experts][replicas] hosts, as a Placement has them.
 * @param avoid hosts that are left out wherever an expert has another.
 */
export function layerTable(layer: readonly (readonly number[])[], hosts: number, avoid: (host: number) => boolean): LayerTable {
  const split = splitTable(
    layer.map((replicas) => usable(replicas, avoid)),
    hosts,
  )
  const held = Array.from({ length: hosts }, (): number[] => [])
  split.hostOf.forEach((host, slot) => held[host]!.push(slot))
  const groups = held.flatMap((slots, host) => (slots.length > 0 ? [groupOf(split, host, slots)] : []))
  return { split, slots: split.hostOf.length, groups }
}

function usable(replicas: readonly number[], avoid: (host: number) => boolean): readonly number[] {
  const left = replicas.filter((host) => !avoid(host))
  return left.length > 0 ? left : replicas
}

function groupOf(split: SplitTable, host: number, slots: readonly number[]): HostGroup {
  return { host, experts: Uint32Array.from(slots, (slot) => split.expertOf[slot]!), slots: Uint32Array.from(slots) }
}
