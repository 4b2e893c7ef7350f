/** Sweeps of the water-filling after a change; it stops earlier when less than this share of the load still moves. */
const SWEEPS_MAX = 40
const SETTLED_SHARE = 1e-4

/** How an expert's load is shared over the units that hold it. */
export interface Replicas {
  /** The base is first. */
  readonly units: number[]
  /** Pairs of a mean step, in the order of `units`. */
  readonly pairs: number[]
}

/**
 * One layer's load split over its replicas so that the busiest unit finishes as early as possible: what the splitter does in every step, in fractions.
 * Each expert in turn pours its load over its units up to a common water level, until nothing moves; the fullest unit's level is then the least possible
 * (layer-split.test.ts compares it with the exact bound). A unit is one host, or several that share memory and thread. The level of a unit is pairs / speed.
 */
export class LayerSplit {
  readonly load: readonly number[]
  readonly speed: Float64Array
  readonly experts: Replicas[]
  /** Pairs of a mean step on each unit. */
  readonly pairs: Float64Array
  private readonly settled: number
  /** Experts with more than one replica. */
  replicated: number[] = []

  /** @param load pairs of a mean step, an expert each. @param speed of each unit. @param placed [experts] → units, the base first, none twice. */
  constructor(load: readonly number[], speed: Float64Array, placed: readonly (readonly number[])[]) {
    this.load = load
    this.speed = speed
    this.pairs = new Float64Array(speed.length)
    this.experts = placed.map((units, expert) => ({ units: [...units], pairs: units.map((_, replica) => (replica === 0 ? load[expert]! : 0)) }))
    let total = 0
    for (const [expert, { units }] of this.experts.entries()) {
      total += load[expert]!
      this.pairs[units[0]!]! += load[expert]!
      if (units.length > 1) this.replicated.push(expert)
    }
    this.settled = total * SETTLED_SHARE
    this.settle()
  }

  level(unit: number): number {
    return this.pairs[unit]! / this.speed[unit]!
  }

  fullest(): number {
    let fullest = 0
    for (let unit = 1; unit < this.speed.length; unit++) if (this.level(unit) > this.level(fullest)) fullest = unit
    return fullest
  }

  add(expert: number, unit: number): void {
    const { units, pairs } = this.experts[expert]!
    if (units.length === 1) this.replicated.push(expert)
    units.push(unit)
    pairs.push(0)
    this.settle()
  }

  /** Not the base. What it carried goes to the base first. */
  remove(expert: number, unit: number): void {
    const { units, pairs } = this.experts[expert]!
    const replica = units.indexOf(unit)
    const gone = pairs[replica]!
    units.splice(replica, 1)
    pairs.splice(replica, 1)
    pairs[0] = units.length === 1 ? this.load[expert]! : pairs[0]! + gone
    this.pairs[unit]! -= gone
    this.pairs[units[0]!]! += gone
    if (units.length === 1) this.replicated.splice(this.replicated.indexOf(expert), 1)
    this.settle()
  }

  /** For a removal that is tried: gives back the state as it is now. */
  save(): () => void {
    const pairs = this.pairs.slice()
    const replicated = [...this.replicated]
    const replicas = replicated.map((expert) => ({ units: [...this.experts[expert]!.units], pairs: [...this.experts[expert]!.pairs] }))
    return () => {
      for (const [i, expert] of replicated.entries()) this.experts[expert] = replicas[i]!
      this.replicated = replicated
      this.pairs.set(pairs)
    }
  }

  private settle(): void {
    for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
      let moved = 0
      for (const expert of this.replicated) moved += this.pour(this.experts[expert]!, this.load[expert]!)
      if (moved <= this.settled) return
    }
  }

  /** Raises a common level over the expert's units until its load is poured. Returns how many pairs changed units. */
  private pour({ units, pairs }: Replicas, load: number): number {
    if (load === 0) return 0
    const level = this.levelOf(units, pairs, load)
    let moved = 0
    for (let i = 0; i < units.length; i++) {
      const unit = units[i]!
      const share = Math.max(0, level * this.speed[unit]! - (this.pairs[unit]! - pairs[i]!))
      moved += Math.abs(share - pairs[i]!)
      this.pairs[unit]! += share - pairs[i]!
      pairs[i] = share
    }
    return moved
  }

  /** The level at which `load` fills these units, on top of what others gave them. Units that are above it already are left out, the fullest first. */
  private levelOf(units: readonly number[], pairs: readonly number[], load: number): number {
    let level = Infinity
    for (;;) {
      let filled = load
      let speeds = 0
      for (let i = 0; i < units.length; i++) {
        const speed = this.speed[units[i]!]!
        const bottom = this.pairs[units[i]!]! - pairs[i]!
        if (bottom >= level * speed) continue
        filled += bottom
        speeds += speed
      }
      const next = filled / speeds
      if (!(next < level)) return level // also where something is not a number
      level = next
    }
  }
}
