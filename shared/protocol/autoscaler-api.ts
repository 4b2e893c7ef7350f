import type { Move } from '../placement/plan.ts'
import type { CostModel } from '../placement/cost-model.ts'
import type { Placement } from '../placement/placement.ts'
import type { Policy } from '../placement/policy.ts'
import type { MoeError } from './errors.ts'
import type { HostStatusReport } from './host-api.ts'
import type { MetricsSnapshot } from './metrics-api.ts'
import type { RequestWork } from './request-work.ts'
import type { Result } from './result.ts'

/** What an engine hands to the autoscaler when it joins: how a new table reaches it between two of its reports. */
export interface EngineControl {
  /** Resolves once every step that begins runs on this placement (or on a later one). Idempotent. SPEC EL3. */
  adopt(placement: Placement): Promise<void>
  /** Resolves when no step runs on an epoch below `epoch`. SPEC EL4. */
  drained(epoch: number): Promise<void>
}

export interface CallSums {
  readonly calls: number
  readonly pairs: number
  readonly rttSumMs: number
}

/** What an engine saw of one host in a window: calls, and the round trip on the engine's side. A host never times itself. */
export interface HostTraffic {
  readonly host: string
  readonly calls: number
  readonly pairs: number
  /** Sum of the calls' round trips, and the greatest. */
  readonly rttSumMs: number
  readonly rttMaxMs: number
  /** Of these, the calls that named an expert which the host had not answered for before: they may have loaded its weights, and say nothing of work. */
  readonly first: CallSums
  /** Calls that were sent to another replica because this host took far longer than its peers. */
  readonly hedged: number
  /** Calls that failed, by error code. */
  readonly faults: Readonly<Record<string, number>>
}

/** How much an engine has to do as it reports. */
export interface EngineGauges {
  readonly running: number
  readonly waiting: number
  readonly kvPagesUsed: number
  readonly kvPagesTotal: number
}

/** One window of an engine. Reports are numbered from 1 for each `isolateId`, so that one that comes twice counts once. */
export interface EngineReport extends EngineGauges {
  readonly engine: string
  readonly isolateId: string
  readonly number: number
  readonly epoch: number
  /** The oldest epoch that a step still runs on. */
  readonly oldestEpoch: number
  readonly windowMs: number
  readonly steps: number
  /** [layers][experts] → (token, expert) pairs routed in the window. SPEC EL1. */
  readonly load: readonly (readonly number[])[]
  /** Sum over steps of the time that a step took, in ms on the engine's clock across its calls. */
  readonly stepSumMs: number
  /** Of these, the steps during which no first use, fault or hedge was under way; `expertsSumMs` is what they waited for experts, layer by layer: the rest is the engine's own. */
  readonly steady: { readonly steps: number; readonly stepSumMs: number; readonly expertsSumMs: number }
  readonly requests: RequestWork
  readonly hosts: readonly HostTraffic[]
}

export interface JoinAnswer {
  readonly placement: Placement
  /** How often the engine shall report while it works. */
  readonly windowMs: number
  /** What a call costs in pairs, as measured (shared/placement/splitter.ts); null: not known yet. */
  readonly callPairs: number | null
}

export interface ReportAnswer extends Omit<JoinAnswer, 'placement'> {
  /** Null: the engine has the newest. */
  readonly placement: Placement | null
  /** This object does not hold the engine's control: it was reset. */
  readonly rejoin: boolean
}

/** Phases of a scale event, in this order. SPEC EL5. */
export const PHASES = ['plan', 'wake', 'copy', 'probe', 'publish', 'drain', 'drop'] as const
export type Phase = (typeof PHASES)[number]

export interface PhaseRecord {
  readonly phase: Phase
  readonly startMs: number
  /** Null while it is under way. */
  readonly endMs: number | null
  /** Bytes that it moved or freed. */
  readonly bytes: number
}

export type ScaleReason = 'load' | 'manual' | 'lost-host' | 'base'

/** One change of the placement, from its plan to its last drop. */
export interface ScaleEvent {
  readonly id: number
  readonly reason: ScaleReason
  readonly fromEpoch: number
  readonly toEpoch: number
  readonly moves: readonly Move[]
  readonly phases: readonly PhaseRecord[]
  readonly state: 'running' | 'done' | 'failed'
  readonly error: MoeError | null
}

export interface HostStatus {
  readonly host: string
  readonly state: 'warm' | 'standby' | 'lost'
  readonly isolateId: string | null
  /** Until when its last answer counts. */
  readonly leaseUntilMs: number
  readonly report: HostStatusReport | null
}

export interface AutoscalerState {
  readonly epoch: number
  readonly placement: Placement
  readonly policy: Policy
  /** Smoothed load, [layers][experts] in pairs a second. */
  readonly load: readonly (readonly number[])[]
  readonly hosts: readonly HostStatus[]
  readonly engines: readonly { readonly engine: string; readonly epoch: number; readonly leaseUntilMs: number }[]
  /**
   * A mean step, predicted and measured, both whole: `ownMs` of them is the engine's own time, which is measured and in both; the rest is the wait for experts. Null while no
   * steady step is measured.
   */
  readonly step: { readonly predictedMs: number; readonly measuredMs: number; readonly ownMs: number } | null
  /** What predictions are made with; null before any call was seen. */
  readonly cost: CostModel | null
  /** Newest last, at most LIMITS.scaleEventsKept. */
  readonly events: readonly ScaleEvent[]
}

/** A plan made by hand: `target` replicas of experts, on hosts that the planner chooses or that are named. */
export interface ScaleRequest {
  readonly dryRun: boolean
  /** Empty: what the planner would do now, also where the policy is off or a copy has not stayed its time. */
  readonly experts: readonly { readonly layer: number; readonly expert: number; readonly replicas?: number; readonly hosts?: readonly string[] }[]
}

export interface ScaleAnswer {
  readonly moves: readonly Move[]
  readonly predicted: { readonly beforeMs: number; readonly afterMs: number } | null
  /** Null for a dry run, and where there is nothing to do. */
  readonly event: ScaleEvent | null
}

/** The autoscaler's RPC face. */
export interface AutoscalerApi {
  join(engine: string, isolateId: string, control: EngineControl): Promise<Result<JoinAnswer, MoeError>>
  /** Gives the placement where it is newer than the engine's. */
  report(report: EngineReport): Promise<Result<ReportAnswer, MoeError>>
  state(): Promise<Result<AutoscalerState, MoeError>>
  /** The sums that /metrics shows. Asks hosts that are awake, and wakes nobody. */
  metrics(): Promise<Result<MetricsSnapshot, MoeError>>
  /** NDJSON of ScaleEvent, one line for each change of a phase; first the kept events with an id from `fromId` on. */
  events(fromId: number): Promise<ReadableStream<Uint8Array>>
  scale(request: ScaleRequest): Promise<Result<ScaleAnswer, MoeError>>
  setPolicy(change: Partial<Policy>): Promise<Result<Policy, MoeError>>
}
