import { layerMs } from './cost-model.ts'
import type { CostModel } from './cost-model.ts'
import { bestCopy, dropsByCost, RISK_DEVIATIONS } from './layer-candidates.ts'
import type { Copy } from './layer-candidates.ts'
import { LayerRisk } from './layer-risk.ts'
import { LayerSplit } from './layer-split.ts'

/** A gain below this is not told from what the split leaves unsettled. */
const GAIN_FLOOR = 5e-4
/** Copies without a new best after which a search ends: several units may be the fullest, and all must sink before the layer is faster. */
const PATIENCE = 8

/** One layer as the planner sees it: units instead of hosts. */
export interface LayerState {
  /** Pairs of a mean step and their deviation, an expert each. */
  readonly load: readonly number[]
  readonly deviation: readonly number[] | null
  readonly speed: Float64Array
  /** [experts] → units, the base first, none twice. */
  readonly placed: readonly (readonly number[])[]
}

/** One copy of an expert on a unit: brought there, or freed. */
export interface LayerChange {
  readonly kind: 'load' | 'drop'
  readonly expert: number
  readonly unit: number
}

export interface LayerRoom {
  readonly cost: CostModel
  readonly gainMin: number
  readonly expertBytes: readonly number[]
  /** Bytes free on each unit; negative: closed. What this plan drops is not free yet, as loads come first. */
  readonly freeBytes: Float64Array
  readonly copiesMax: number
  readonly loadsMax: number
  readonly loadBytesMax: number
  readonly mayDrop: (expert: number, unit: number) => boolean
}

export interface LayerPlan {
  readonly changes: readonly LayerChange[]
  /** Time of the layer at the load that is planned for: the mean, and what it may get beyond. */
  readonly beforeMs: number
  readonly afterMs: number
  /** Log of that time and a price for each copy that came. Every plan lowers it (drops by their own price), so plans of one load come to an end. */
  readonly potential: number
}

/**
 * Changes the copies of one layer where that pays. First drops what costs less than half of `gainMin`. Then adds the copy that takes most off the predicted time,
 * again and again, and keeps the run up to where every copy has paid `gainMin` on average. At `copiesMax` the copy that is worth least goes for a new one.
 */
export function planLayer(state: LayerState, room: LayerRoom): LayerPlan {
  const search = new LayerSearch(state, room)
  search.dropWorthless()
  search.addWorthwhile()
  return search.best
}

class LayerSearch {
  best: LayerPlan
  private readonly room: LayerRoom
  private readonly split: LayerSplit
  private readonly risk: LayerRisk
  private readonly free: Float64Array
  private readonly price: number
  private readonly changes: LayerChange[] = []
  private readonly changed = new Set<number>()
  private copies = 0
  private loads = 0
  private loadBytes = 0
  private ms: number

  constructor({ load, deviation, speed, placed }: LayerState, room: LayerRoom) {
    this.room = room
    this.free = room.freeBytes.slice()
    this.price = -Math.log(1 - Math.min(0.5, Math.max(room.gainMin, GAIN_FLOOR)))
    this.split = new LayerSplit(load, speed, placed)
    this.risk = new LayerRisk(load, deviation, speed)
    for (const [expert, units] of placed.entries()) {
      this.risk.add(expert, units)
      this.copies += units.length - 1
    }
    this.ms = this.plannedMs()
    this.best = { changes: [], beforeMs: this.ms, afterMs: this.ms, potential: Math.log(this.ms) }
  }

  dropWorthless(): void {
    for (const copy of this.drops()) {
      const limitMs = this.ms * Math.exp(this.price / 2)
      const units = [...this.split.experts[copy.expert]!.units]
      if (this.ms > 0 && this.plannedMs(this.risk.valueWithout(copy.expert, units, copy.unit)) >= limitMs) continue // even if others take all that it carries
      const restore = this.split.save()
      const beforeMs = this.ms
      this.remove(copy)
      if (beforeMs === 0 || this.ms < limitMs) this.keep()
      else {
        restore()
        this.takeBackDrop(copy, units, beforeMs)
      }
    }
  }

  addWorthwhile(): void {
    let sinceBest = 0
    while (this.ms > 0 && sinceBest < PATIENCE && this.loads < this.room.loadsMax) {
      if (this.copies >= this.room.copiesMax) {
        const cheapest = this.drops()[0]
        if (cheapest === undefined) return
        this.remove(cheapest)
      }
      const copy = bestCopy(this.split, this.risk, this.room.cost, (expert, unit) => this.fits(expert, unit))
      if (copy === null) return
      this.load(copy)
      sinceBest++
      if (Math.log(this.ms) + this.loads * this.price < this.best.potential) {
        this.keep()
        sinceBest = 0
      }
    }
  }

  private plannedMs(risk = this.risk.value()): number {
    return layerMs(this.room.cost, this.split.pairs, this.split.level(this.split.fullest()) + RISK_DEVIATIONS * risk)
  }

  private keep(): void {
    this.best = { changes: [...this.changes], beforeMs: this.best.beforeMs, afterMs: this.ms, potential: Math.log(this.ms) + this.loads * this.price }
  }

  private load({ expert, unit }: Copy): void {
    const { units } = this.split.experts[expert]!
    const bytes = this.room.expertBytes[expert]!
    this.risk.remove(expert, units)
    this.split.add(expert, unit)
    this.risk.add(expert, this.split.experts[expert]!.units)
    this.free[unit]! -= bytes
    this.loadBytes += bytes
    this.loads++
    this.copies++
    this.note({ kind: 'load', expert, unit })
  }

  private remove({ expert, unit }: Copy): void {
    const { units } = this.split.experts[expert]!
    this.risk.remove(expert, units)
    this.split.remove(expert, unit)
    this.risk.add(expert, this.split.experts[expert]!.units)
    this.copies--
    this.note({ kind: 'drop', expert, unit })
  }

  private note(change: LayerChange): void {
    this.changes.push(change)
    this.changed.add(change.expert * this.free.length + change.unit)
    this.ms = this.plannedMs()
  }

  private takeBackDrop({ expert, unit }: Copy, units: readonly number[], ms: number): void {
    this.risk.remove(expert, without(units, unit))
    this.risk.add(expert, units)
    this.copies++
    this.changes.pop()
    this.changed.delete(expert * this.free.length + unit)
    this.ms = ms
  }

  /** What came or went in this plan is not changed again. */
  private isChanged(expert: number, unit: number): boolean {
    return this.changed.has(expert * this.free.length + unit)
  }

  private drops(): Copy[] {
    return dropsByCost(this.split, this.risk, (expert, unit) => !this.isChanged(expert, unit) && this.room.mayDrop(expert, unit))
  }

  private fits(expert: number, unit: number): boolean {
    const bytes = this.room.expertBytes[expert]!
    return this.free[unit]! >= bytes && this.loadBytes + bytes <= this.room.loadBytesMax && !this.isChanged(expert, unit)
  }
}

function without(units: readonly number[], unit: number): number[] {
  return units.filter((other) => other !== unit)
}
