import { layerMs } from './cost-model.ts'
import type { CostModel } from './cost-model.ts'
import { LayerRisk } from './layer-risk.ts'
import { LayerSplit } from './layer-split.ts'

/** How many deviations of the load are planned for. Measured with SHARE_UNCERTAIN (layer-risk.ts). */
const RISK_DEVIATIONS = 2
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

interface Copy {
  readonly expert: number
  readonly unit: number
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
    for (const copy of this.dropsByCost()) {
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
        const cheapest = this.dropsByCost()[0]
        if (cheapest === undefined) return
        this.remove(cheapest)
      }
      const copy = this.bestCopy()
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

  /** Copies that may go, the cheapest first. The cost is an upper bound: what the copy carries goes to the expert's other units, and nothing else makes way. */
  private dropsByCost(): Copy[] {
    const { split, risk, room } = this
    const fullest = split.level(split.fullest())
    const drops: (Copy & { level: number })[] = []
    for (const [expert, { units, pairs }] of split.experts.entries()) {
      for (let replica = 1; replica < units.length; replica++) {
        const unit = units[replica]!
        if (this.isChanged(expert, unit) || !room.mayDrop(expert, unit)) continue
        const others = without(units, unit)
        const level = Math.max(fullest, levelWith(split, others, pairs[replica]!))
        drops.push({ expert, unit, level: level + RISK_DEVIATIONS * risk.valueWithout(expert, units, unit) })
      }
    }
    return drops.sort((a, b) => a.level - b.level || a.expert - b.expert || a.unit - b.unit)
  }

  /** The copy that takes most off the planned time, if only it and the fullest unit change. Off the fullest, to any unit; of other experts, to the unit with least risk. */
  private bestCopy(): Copy | null {
    const { split, risk, room } = this
    const from = split.fullest()
    const before = RISK_DEVIATIONS * risk.value()
    const byRisk = Array.from(this.free.keys()).sort((a, b) => risk.variance[a]! - risk.variance[b]! || split.level(a) - split.level(b) || a - b)
    let best: Copy | null = null
    let bestMs = 0
    for (const [expert, { units, pairs }] of split.experts.entries()) {
      const bytes = room.expertBytes[expert]!
      if (this.loadBytes + bytes > room.loadBytesMax) continue
      const share = units.includes(from) ? pairs[units.indexOf(from)]! : 0
      for (const unit of byRisk) {
        if (this.free[unit]! < bytes || units.includes(unit) || this.isChanged(expert, unit)) continue
        const poured = Math.min(share, Math.max(0, pairsToLevel(split, from, unit)))
        const level = poured === 0 ? 0 : Math.min(poured / split.speed[from]!, split.level(from) - (split.pairs[unit]! + poured) / split.speed[unit]!)
        const safer = before - RISK_DEVIATIONS * risk.valueWith(expert, units, unit)
        const calls = Math.exp(-split.pairs[unit]!) - Math.exp(-split.pairs[unit]! - poured)
        const gainMs = (level + safer) / room.cost.pairsPerMs - calls * room.cost.callMs
        if (gainMs > bestMs || (gainMs === bestMs && best !== null && expert === best.expert && unit < best.unit)) {
          bestMs = gainMs
          best = { expert, unit }
        }
        if (share === 0) break
      }
    }
    return best
  }
}

function without(units: readonly number[], unit: number): number[] {
  return units.filter((other) => other !== unit)
}

/** Pairs that bring two units to one level when they go from one to the other. */
function pairsToLevel({ pairs, speed }: LayerSplit, from: number, to: number): number {
  return (pairs[from]! * speed[to]! - pairs[to]! * speed[from]!) / (speed[from]! + speed[to]!)
}

/** Level of the fullest of these units when they take `pairs` more between them, as evenly as can be. */
function levelWith(split: LayerSplit, units: readonly number[], more: number): number {
  let pairs = more
  let speeds = 0
  let fullest = 0
  for (const unit of units) {
    pairs += split.pairs[unit]!
    speeds += split.speed[unit]!
    fullest = Math.max(fullest, split.level(unit))
  }
  return Math.max(fullest, pairs / speeds)
}
