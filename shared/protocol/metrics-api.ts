import type { EngineGauges, Phase, ScaleReason } from './autoscaler-api.ts'
import type { HostStatusReport, HostWork } from './host-api.ts'
import type { RequestWork } from './request-work.ts'

/** What engines saw of a host, added up. */
export interface ServedSums {
  readonly calls: number
  readonly pairs: number
  readonly rttSumMs: number
  readonly hedged: number
  /** Calls that failed, by error code. */
  readonly faults: Readonly<Record<string, number>>
}

export interface PhaseSums {
  readonly count: number
  readonly sumMs: number
  readonly bytes: number
}

/** Scale events that are over. */
export interface ScaleSums {
  readonly events: Readonly<Record<ScaleReason, { readonly done: number; readonly failed: number }>>
  readonly phases: Readonly<Record<Phase, PhaseSums>>
  readonly moves: { readonly load: number; readonly drop: number }
}

export interface HostMetrics {
  readonly host: string
  readonly state: 'warm' | 'standby' | 'lost'
  readonly served: ServedSums
  /** The host's own counters, added up over its isolates; null where it was never asked. */
  readonly work: HostWork | null
  /** Isolates that it was seen in. */
  readonly isolates: number
  /** As it said last. */
  readonly report: Pick<HostStatusReport, 'residentBytes' | 'residentExperts' | 'arenaBytes' | 'peakBytes' | 'queuedFrames'> | null
}

/** Everything that /metrics shows, as the autoscaler has it. Sums never go back while the model's name is the same. SPEC MT1. */
export interface MetricsSnapshot {
  readonly model: string
  readonly epoch: number
  readonly requests: RequestWork
  readonly steps: number
  readonly stepSumMs: number
  /** Engines that report, as they said last. */
  readonly engines: readonly (EngineGauges & { readonly engine: string })[]
  /** [layers] pairs routed since counting began, and replicas now; nothing of a dense layer. */
  readonly layers: readonly { readonly layer: number; readonly pairs: number; readonly replicas: number }[]
  readonly hosts: readonly HostMetrics[]
  readonly scale: ScaleSums
}
