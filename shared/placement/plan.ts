import type { CostModel } from './cost-model.ts'
import type { Placement } from './placement.ts'

/** [layers][experts] → (token, expert) pairs of a mean step. A dense layer is empty. */
export type Load = readonly (readonly number[])[]

/** A host as the planner sees it. Those with one `isolateId` are one host: they share memory and thread. SPEC PL8. */
export interface PlanHost {
  readonly host: string
  readonly isolateId: string | null
  readonly budgetBytes: number
  /** Work per time, relative to the cost model's: 1 is as fast, 0.5 half as fast. */
  readonly speed: number
  /** `lost` hosts hold nothing and get nothing; a `standby` is taken where the warm ones cannot carry the plan. */
  readonly state: 'warm' | 'standby' | 'lost'
}

/** One expert on one host: brought there, or freed. */
export interface Move {
  readonly kind: 'load' | 'drop'
  readonly layer: number
  readonly expert: number
  readonly host: string
  readonly bytes: number
}

export interface PlanLimits {
  /** [layers][experts] bytes of each expert at the served tier. */
  readonly expertBytes: readonly (readonly number[])[]
  readonly cost: CostModel
  /** Loads of one plan, and their bytes. A lost host's experts come first and are not bounded. */
  readonly movesMax: number
  readonly moveBytesMax: number
  /** Extra copies that a layer may have. */
  readonly copiesMax: number
  /** A copy is made only where it makes the predicted step faster by this share at least, and dropped only where that costs less than half of it. */
  readonly gainMin: number
  /** [layers][experts][replicas] whether the copy may go: it has stayed its time. Null: all may. */
  readonly mayDrop: ((layer: number, expert: number, host: number) => boolean) | null
}

export interface Plan {
  readonly target: Placement
  /** Loads first, then drops; lost base replicas before all. Empty: the placement stays, with its epoch. */
  readonly moves: readonly Move[]
  readonly predicted: { readonly beforeMs: number; readonly afterMs: number }
}
