import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import type { EngineStatus } from '../../shared/protocol/engine-api.ts'
import { autoscalerOf } from './cluster-state.ts'
import type { ClusterState } from './cluster-state.ts'
import { layerHeat } from './heat.ts'
import { hostColumns } from './hosts-view.ts'
import type { HostColumn } from './hosts-view.ts'
import { layerRows } from './layers-view.ts'
import type { LayerRow } from './layers-view.ts'

/** All that the page shows of the cluster at one moment, made of what the server says and nothing else. */
export interface ClusterView {
  readonly status: EngineStatus
  readonly epoch: number
  /** The oldest epoch that a step still runs on, where that is another one. */
  readonly drainingEpoch: number | null
  readonly lanes: number
  readonly kernels: string
  readonly running: number
  readonly waiting: number
  readonly steps: number
  readonly preemptions: number
  readonly memoryBytes: number
  readonly kv: { readonly used: number; readonly cached: number; readonly total: number }
  readonly step: { readonly predictedMs: number; readonly measuredMs: number; readonly ownMs: number } | null
  readonly policyEnabled: boolean | null
  readonly hosts: readonly HostColumn[]
  readonly layers: readonly LayerRow[]
  readonly replicaCount: number
  readonly extraCount: number
  /** Why there is no placement to show. */
  readonly autoscalerError: { readonly code: string; readonly message: string } | null
}

/** @param log scale events, newest first: what arrives and what is new comes from them. SPEC LP4. */
export function viewCluster(state: ClusterState, log: readonly ScaleEvent[]): ClusterView {
  const autoscaler = autoscalerOf(state)
  const heat = (autoscaler?.load ?? []).map(layerHeat)
  const hosts = hostColumns(state, heat, log)
  return {
    status: state.status,
    epoch: state.epoch,
    drainingEpoch: state.oldestEpoch < state.epoch ? state.oldestEpoch : null,
    lanes: state.lanes,
    kernels: state.kernels,
    running: state.running,
    waiting: state.waiting,
    steps: state.steps,
    preemptions: state.preemptions,
    memoryBytes: state.memoryBytes,
    kv: { used: state.kvPagesUsed, cached: state.kvPagesCached, total: state.kvPagesTotal },
    step: autoscaler?.step ?? null,
    policyEnabled: autoscaler?.policy.enabled ?? null,
    hosts,
    layers: autoscaler ? layerRows(autoscaler.placement, heat) : [],
    replicaCount: hosts.reduce((sum, host) => sum + host.replicaCount, 0),
    extraCount: hosts.reduce((sum, host) => sum + host.extraCount, 0),
    autoscalerError: 'error' in state.autoscaler ? state.autoscaler.error : null,
  }
}
