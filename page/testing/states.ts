import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { AutoscalerState, HostStatus, ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { ZERO_COUNTS } from '../../shared/protocol/engine-api.ts'
import type { HostState } from '../../shared/protocol/engine-api.ts'
import type { ClusterState } from '../cluster/cluster-state.ts'

/** Three hosts: two bases of two layers with four experts each (layer 1 is dense), and a standby that holds a copy of (2, 1). */
export function clusterState(change: Partial<ClusterState> = {}): ClusterState {
  return {
    ...ZERO_COUNTS,
    status: { state: 'loading', bytesRead: 0, bytesTotal: 0 },
    isolateId: 'engine-a',
    kernels: 'plain',
    lanes: 1,
    epoch: 2,
    oldestEpoch: 2,
    memoryBytes: 0,
    hosts: [engineHost('expert-00'), engineHost('expert-01'), { ...engineHost('expert-02'), isolateId: null, residentBytes: 0, residentExperts: 0 }],
    autoscaler: autoscalerState(),
    ...change,
  }
}

export function autoscalerState(change: Partial<AutoscalerState> = {}): AutoscalerState {
  const base = [[0, 0, 1, 1], [], [0, 0, 1, 1]]
  const layers = base.map((experts, layer) => experts.map((host, expert) => (layer === 2 && expert === 1 ? [host, 2] : [host])))
  return {
    epoch: 2,
    placement: { epoch: 2, hosts: ['expert-00', 'expert-01', 'expert-02'], base, layers },
    policy: POLICY_DEFAULT,
    load: [[10, 10, 10, 10], [], [0, 30, 5, 5]],
    hosts: [hostStatus('expert-00'), hostStatus('expert-01'), hostStatus('expert-02')],
    engines: [],
    step: null,
    cost: null,
    events: [],
    ...change,
  }
}

export function hostStatus(host: string, change: Partial<HostStatus> = {}): HostStatus {
  const report = { isolateId: host, kernels: 'plain', residentBytes: 100, arenaBytes: 1000, residentExperts: 1, peakBytes: 100, queuedFrames: 0, work: WORK }
  return { host, state: 'warm', isolateId: host, leaseUntilMs: 0, report, ...change }
}

const WORK = { frames: 0, pairs: 0, loads: 0, drops: 0, storageBytes: 0, peerBytes: 0 }

function engineHost(host: string): HostState {
  const experts = { residentBytes: 400, arenaBytes: 1000, residentExperts: 4, assignedExperts: 4 }
  return { host, isolateId: host, ...experts, calls: 2, pairs: 8, meanRttMs: 1.5, maxRttMs: 2, hedged: 0, faults: { 'not-resident': 1 } }
}

/** A copy of (2, 1) to the standby, on its way from epoch 1 to 2. */
export function scaleEvent(change: Partial<ScaleEvent> = {}): ScaleEvent {
  return {
    id: 7,
    reason: 'load',
    fromEpoch: 1,
    toEpoch: 2,
    moves: [{ kind: 'load', layer: 2, expert: 1, host: 'expert-02', bytes: 100 }],
    phases: [
      { phase: 'plan', startMs: 1000, endMs: 1001, bytes: 0 },
      { phase: 'copy', startMs: 1001, endMs: 1004, bytes: 100 },
    ],
    state: 'done',
    error: null,
    ...change,
  }
}
