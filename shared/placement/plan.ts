import { repairBase } from './base-repair.ts'
import { stepMs } from './cost-model.ts'
import type { CostModel } from './cost-model.ts'
import { Draft } from './draft.ts'
import { freeOverfull, makeRoom } from './make-room.ts'
import { scaleLayers } from './scale-layers.ts'
import { groupUnits } from './units.ts'
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
  /** [layers][experts] how far a window's load lies from `load` as a rule (its standard deviation). Null: the load is taken as certain. SPEC PL10. */
  readonly deviation: Load | null
  /** [layers][experts] bytes of each expert at the served tier. */
  readonly expertBytes: readonly (readonly number[])[]
  readonly cost: CostModel
  /** Loads of one plan, and their bytes. A lost host's experts come first and are not bounded. */
  readonly movesMax: number
  readonly moveBytesMax: number
  /** Extra copies that a layer may have. */
  readonly copiesMax: number
  /** A copy is made only where it makes the predicted time of its layer shorter by this share at least, and dropped only where that costs less than half of it. */
  readonly gainMin: number
  /** Whether an extra copy may go: it has stayed its time. `host` is an index into the current placement's hosts. Null: all may. */
  readonly mayDrop: ((layer: number, expert: number, host: number) => boolean) | null
}

export interface Plan {
  /** One epoch later where it differs from the current placement, else the current placement itself. Lost hosts hold nothing in it but what is `unplaced`. */
  readonly target: Placement
  /** Loads first, then drops; lost base replicas before all. May be empty though the target differs: where a copy takes the place of a lost base. */
  readonly moves: readonly Move[]
  /** Experts without a live replica for which no host has bytes left: the target leaves them where they were. SPEC PL9. */
  readonly unplaced: readonly { readonly layer: number; readonly expert: number; readonly bytes: number }[]
  readonly predicted: { readonly beforeMs: number; readonly afterMs: number }
}

/**
 * Plans the next placement: base replicas stay where they are, extra copies come and go where the predicted step pays for it. Pure; ties go to the lower id.
 * First every expert that lost all its replicas gets a base again, unbounded. Then each layer is searched (layer-plan.ts), and what gains most goes first within
 * the limits of moves and bytes. A plan holds in every budget while old and new copies are both there, as loads come before drops.
 * @param hosts all that there are; a host of `current` that is not among them is lost. One that `current` does not name joins it when it gets something.
 * Source: EPLB (DeepSeek-V3) and the replay of fixtures/placement: base replicas pinned, copies by marginal gain under a water-filling split, bytes instead of slots.
 * Rules: SPEC PL6 to PL13. docs/design/planner.md.
 */
export function plan(load: Load, hosts: readonly PlanHost[], current: Placement, limits: PlanLimits): Plan {
  const units = groupUnits(current, hosts)
  const speed = Float64Array.from(units.units, (unit) => unit.speed)
  const draft = new Draft(current, units, limits.expertBytes)
  const unplaced = repairBase(draft, load, limits.expertBytes)
  const predict = (): number =>
    stepMs(
      limits.cost,
      load,
      speed,
      draft.layers.map((experts, layer) => experts.map((_, expert) => draft.unitsOf(layer, expert))),
    )
  const beforeMs = predict()
  freeOverfull(draft, load)
  if (unplaced.length > 0) makeRoom(draft, load, unplaced)
  else scaleLayers(draft, load, speed, limits)
  const moves = [...draft.loads, ...draft.drops]
  return { target: draft.finish(current), moves, unplaced, predicted: { beforeMs, afterMs: moves.length === 0 ? beforeMs : predict() } }
}
