import type { Placement } from '../../shared/placement/placement.ts'
import type { Policy } from '../../shared/placement/policy.ts'
import type { CostSums } from '../../shared/placement/cost-fit.ts'
import type { Demand } from '../../shared/placement/demand.ts'
import type { Tenure } from '../../shared/placement/tenure.ts'
import type { ScaleEvent, ScaleReason } from '../../shared/protocol/autoscaler-api.ts'
import type { SourceMeans } from './choose-source.ts'
import type { Counters } from './counters.ts'
import type { EngineRecords } from './engine-records.ts'
import type { HostRecords } from './host-records.ts'
import type { LoadWindow, StepTimes } from './load-window.ts'
import type { RunningEvent } from './running-event.ts'

/** Everything that the autoscaler knows and that must survive its object, one document a concern. Absent: not known yet. */
export interface Documents {
  /** The placement in force; `inputs` names what its base was planned from. */
  readonly table: { readonly inputs: string; readonly placement: Placement }
  readonly policy: Policy
  /** When each extra copy came. */
  readonly tenure: Tenure
  readonly hosts: HostRecords
  readonly engines: EngineRecords
  /** The window that is open. */
  readonly window: LoadWindow
  readonly demand: Demand
  readonly stepTimes: StepTimes
  readonly sources: SourceMeans
  /** What the cost model is fitted from. */
  readonly costSums: CostSums
  /** What is counted for ever. */
  readonly counters: Counters
  /** The scale event that is under way, with what is left to do. */
  readonly running: RunningEvent
  /** Who may write: the number of the newest instance. SPEC EL10. */
  readonly driver: number
  /** Events that failed in a row, until when the next one waits, and what the last one was for. */
  readonly backoff: { readonly failures: number; readonly untilMs: number; readonly reason: ScaleReason }
}

export type DocumentName = keyof Documents

/**
 * The autoscaler's memory. Synchronous, so that a transaction cannot be torn by an await.
 * Two implementations, one contract: test/contract/autoscaler-store-contract.ts.
 */
export interface AutoscalerStore {
  read<K extends DocumentName>(name: K): Documents[K] | null
  /** Null forgets it. */
  write<K extends DocumentName>(name: K, value: Documents[K] | null): void
  /** Kept events with this id or a later one, ascending. */
  events(fromId: number): ScaleEvent[]
  /** Adds the event or replaces the one with its id. The newest LIMITS.scaleEventsKept stay. */
  putEvent(event: ScaleEvent): void
  /** All of `work` or, where it throws, nothing of it. */
  transaction<T>(work: () => T extends Promise<unknown> ? never : T): T
}
