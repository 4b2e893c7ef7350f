/** Sweeps of the water-filling after a change; it stops earlier when less than this share of the load still moves. */
const SWEEPS_MAX = 40
const SETTLED_SHARE = 1e-4

/** How an expert's load is shared over the units that hold it. */
export interface Replicas {
  /** The base is first. */
  readonly units: readonly number[]
  /** Pairs of a mean step, in the order of `units`. */
  readonly pairs: readonly number[]
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
  private replicated: number[] = []

  /** @param load pairs of a mean step, an expert each. @param speed of each unit. @param placed [experts] → units, the base first, none twice. */
  constructor(load: readonly number[], speed: Float64Array, placed: readonly (readonly number[])[]) {
    this.load = load
    this.speed = speed
    this.pairs = new Float64Array(speed.length)
    this.experts = placed.map((units, expert) => ({ units, pairs: units.map((_, replica) => (replica === 0 ? load[expert]! : 0)) }))
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
    this.experts[expert] = { units: [...units, unit], pairs: [...pairs, 0] }
    if (units.length === 1) this.replicated = [...this.replicated, expert]
    this.settle()
  }

  /** Not the base. What it carried goes to the base first. */
  remove(expert: number, unit: number): void {
    const { units, pairs } = this.experts[expert]!
    const gone = units.indexOf(unit)
    const left = pairs.filter((_, replica) => replica !== gone)
    left[0]! += pairs[gone]!
    this.pairs[unit]! -= pairs[gone]!
    this.pairs[units[0]!]! += pairs[gone]!
    this.experts[expert] = { units: units.filter((_, replica) => replica !== gone), pairs: left }
    if (units.length === 2) this.replicated = this.replicated.filter((other) => other !== expert)
    this.settle()
  }

  /** For a change that is tried: gives back the state as it is now. */
  save(): () => void {
    const pairs = this.pairs.slice()
    const { replicated } = this
    const shares = replicated.map((expert) => this.experts[expert]!)
    return () => {
      for (const expert of this.replicated) if (!replicated.includes(expert)) this.experts[expert] = base(this.experts[expert]!, this.load[expert]!)
      for (const [i, expert] of replicated.entries()) this.experts[expert] = shares[i]!
      this.replicated = replicated
      this.pairs.set(pairs)
    }
  }

  private settle(): void {
    for (let sweep = 0; sweep < SWEEPS_MAX; sweep++) {
      let moved = 0
      for (const expert of this.replicated) moved += this.pour(expert)
      if (moved <= this.settled) return
    }
  }

  /** Raises a common level over the expert's units until its load is poured. Returns how many pairs changed units. */
  private pour(expert: number): number {
    const { units, pairs } = this.experts[expert]!
    const load = this.load[expert]!
    if (load === 0) return 0
    const bottom = units.map((unit, replica) => this.pairs[unit]! - pairs[replica]!)
    const level = waterLevel(load, bottom, units, this.speed)
    let moved = 0
    const shares = units.map((unit, replica) => {
      const share = Math.max(0, level * this.speed[unit]! - bottom[replica]!)
      moved += Math.abs(share - pairs[replica]!)
      this.pairs[unit] = bottom[replica]! + share
      return share
    })
    this.experts[expert] = { units, pairs: shares }
    return moved
  }
}

/** The level at which `load` fills units of these bottoms (pairs) and speeds: units whose bottom is above it are left out, the highest first. */
function waterLevel(load: number, bottom: readonly number[], units: readonly number[], speed: Float64Array): number {
  let level = Infinity
  for (;;) {
    let pairs = load
    let speeds = 0
    for (let i = 0; i < units.length; i++) {
      if (bottom[i]! >= level * speed[units[i]!]!) continue
      pairs += bottom[i]!
      speeds += speed[units[i]!]!
    }
    const next = pairs / speeds
    if (next >= level) return level
    level = next
  }
}

function base({ units }: Replicas, load: number): Replicas {
  return { units: [units[0]!], pairs: [load] }
}
