import type { HostStatus, ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import type { HostState } from '../../shared/protocol/engine-api.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import { autoscalerOf } from './cluster-state.ts'
import type { ClusterState } from './cluster-state.ts'
import { COLD } from './heat.ts'
import type { Heat } from './heat.ts'

/** One replica of an expert on a host. */
export interface ReplicaCell {
  readonly layer: number
  readonly expert: number
  /** `arriving`: a scale event is bringing it, and no step uses it yet. */
  readonly kind: 'base' | 'extra' | 'arriving'
  /** It came with the epoch that is in force. */
  readonly isNew: boolean
  readonly heat: Heat
}

/** A host as a column: what it holds, layer by layer. */
export interface HostColumn {
  readonly host: string
  /** `cold`: in service, and nothing loaded yet; `unknown`: the autoscaler does not answer. */
  readonly state: 'warm' | 'cold' | 'standby' | 'lost' | 'unknown'
  readonly residentBytes: number
  readonly budgetBytes: number
  readonly residentExperts: number
  readonly replicaCount: number
  readonly extraCount: number
  /** Since the engine began, on its side; null until a call was answered. */
  readonly meanRttMs: number | null
  readonly faultCount: number
  readonly layers: readonly { readonly layer: number; readonly cells: readonly ReplicaCell[] }[]
}

/** All hosts, as the placement names them; those that only the engine knows where there is none. SPEC LP4. */
export function hostColumns(state: ClusterState, heat: readonly (readonly Heat[])[], log: readonly ScaleEvent[]): readonly HostColumn[] {
  const autoscaler = autoscalerOf(state)
  const engines = new Map(state.hosts.map((host) => [host.host, host]))
  const statuses = new Map(autoscaler?.hosts.map((host) => [host.host, host]))
  const names = Array.from(new Set([...(autoscaler?.placement.hosts ?? []), ...statuses.keys(), ...engines.keys()]))
  const allCells = autoscaler ? cellsByHost(autoscaler.placement, heat, log) : null
  return names.toSorted().map((host) => {
    const cells = allCells?.get(host) ?? []
    const replicas = cells.filter(({ kind }) => kind !== 'arriving')
    return {
      host,
      ...bytesOf(engines.get(host), statuses.get(host)),
      replicaCount: replicas.length,
      extraCount: replicas.filter(({ kind }) => kind === 'extra').length,
      layers: byLayer(cells),
    }
  })
}

/** The engine's numbers where it is connected: a host's own reach the autoscaler only when it answers an order. */
function bytesOf(engine: HostState | undefined, status: HostStatus | undefined) {
  const report = engine === undefined || engine.isolateId === null ? (status?.report ?? engine) : engine
  const residentExperts = report?.residentExperts ?? 0
  const state: HostColumn['state'] = status === undefined ? 'unknown' : status.state === 'warm' && residentExperts === 0 ? 'cold' : status.state
  return {
    state,
    residentExperts,
    residentBytes: report?.residentBytes ?? 0,
    budgetBytes: report?.arenaBytes ?? 0,
    meanRttMs: engine !== undefined && engine.calls > 0 ? engine.meanRttMs : null,
    faultCount: Object.values(engine?.faults ?? {}).reduce((sum, count) => sum + count, 0),
  }
}

/** Cells by host, in one pass over the table: it may have a hundred hosts and ten thousand experts. */
function cellsByHost(
  { epoch, hosts, layers, base }: Placement,
  heat: readonly (readonly Heat[])[],
  log: readonly ScaleEvent[],
): ReadonlyMap<string, ReplicaCell[]> {
  const loadsOf = (events: readonly ScaleEvent[]) => events.flatMap(({ moves }) => moves.filter(({ kind }) => kind === 'load'))
  const newKeys = new Set(loadsOf(log.filter(({ toEpoch, state }) => toEpoch === epoch && state !== 'failed')).map(keyOf))
  const cells = new Map<string, ReplicaCell[]>(hosts.map((host) => [host, []]))
  for (const [layer, experts] of layers.entries()) {
    for (const [expert, replicas] of experts.entries()) {
      for (const index of replicas) {
        const host = hosts[index]!
        const kind = base[layer]?.[expert] === index ? 'base' : 'extra'
        const isNew = newKeys.size > 0 && newKeys.has(keyOf({ host, layer, expert }))
        cells.get(host)?.push({ layer, expert, kind, isNew, heat: heat[layer]?.[expert] ?? COLD })
      }
    }
  }
  for (const { host, layer, expert } of loadsOf(log.filter(({ toEpoch, state }) => state === 'running' && toEpoch > epoch))) {
    const held = cells.get(host) ?? []
    if (held.some((cell) => cell.layer === layer && cell.expert === expert)) continue
    cells.set(host, [...held, { layer, expert, kind: 'arriving', isNew: false, heat: heat[layer]?.[expert] ?? COLD }])
  }
  return cells
}

function keyOf({ host, layer, expert }: { readonly host: string; readonly layer: number; readonly expert: number }): string {
  return `${layer}.${expert}.${host}`
}

function byLayer(cells: readonly ReplicaCell[]): HostColumn['layers'] {
  const layers = Map.groupBy(cells, ({ layer }) => layer)
  return Array.from(layers, ([layer, group]) => ({ layer, cells: group.toSorted((a, b) => a.expert - b.expert) })).toSorted((a, b) => a.layer - b.layer)
}
