/** How uncertain an expert's load is at least, as a share of it: what comes next differs from every past. docs/design/planner.md has what it is worth. */
const SHARE_UNCERTAIN = 0.5

/**
 * How far one layer's units may get beyond their load. An expert's deviation is shared by its replicas, in proportion to their speed, and those of different experts
 * add in squares. The layer's risk is a norm over the units between the mean and the maximum (power 4), so that every replica of an uncertain expert counts, most of all
 * one that relieves a risky unit for a safe one. A mean load that is already even needs such replicas: it will not be even in the next window.
 */
export class LayerRisk {
  /** Variance of each unit's level. */
  readonly variance: Float64Array
  /** Of each expert: its deviation squared. */
  readonly squares: Float64Array
  private readonly speed: Float64Array
  private sum = 0
  private each = 0

  /** @param load and @param deviation pairs of a mean step, an expert each; without a deviation there is no risk. */
  constructor(load: readonly number[], deviation: readonly number[] | null, speed: Float64Array) {
    this.speed = speed
    this.variance = new Float64Array(speed.length)
    this.squares = Float64Array.from(load, (pairs, expert) => (deviation === null ? 0 : deviation[expert]! ** 2 + (SHARE_UNCERTAIN * pairs) ** 2))
  }

  /** Pairs over speed, like a level. */
  value(): number {
    return this.norm(this.sum)
  }

  /** Counts an expert's replicas on these units, or no longer. */
  add(expert: number, units: readonly number[]): void {
    this.count(expert, units, 1)
  }

  remove(expert: number, units: readonly number[]): void {
    this.count(expert, units, -1)
  }

  /** For `valueWith`: what a further unit of this speed leaves to the present ones. It is the same for all units of one speed. */
  sharedWith(expert: number, units: readonly number[], speed: number): number {
    const speeds = this.speedOf(units)
    this.each = this.squares[expert]! / (speeds + speed) ** 2
    return this.sumIf(units, this.each - this.squares[expert]! / speeds ** 2)
  }

  /** The value with one more replica of an expert, on a unit of the speed that `sharedWith` was last asked for. */
  valueWith(shared: number, unit: number): number {
    return this.norm(shared + (this.variance[unit]! + this.each) ** 2 - this.variance[unit]! ** 2)
  }

  /** The value without the replica on `unit`, one of several. */
  valueWithout(expert: number, units: readonly number[], unit: number): number {
    const speeds = this.speedOf(units)
    const each = this.squares[expert]! / (speeds - this.speed[unit]!) ** 2
    const before = this.squares[expert]! / speeds ** 2
    const sum = this.sumIf(units, each - before)
    return this.norm(sum + (this.variance[unit]! - before) ** 2 - (this.variance[unit]! + each - before) ** 2)
  }

  private norm(sum: number): number {
    return Math.sqrt(Math.sqrt(Math.max(0, sum) / this.variance.length))
  }

  private speedOf(units: readonly number[]): number {
    let speeds = 0
    for (const unit of units) speeds += this.speed[unit]!
    return speeds
  }

  private sumIf(units: readonly number[], change: number): number {
    let sum = this.sum
    for (const unit of units) sum += (this.variance[unit]! + change) ** 2 - this.variance[unit]! ** 2
    return sum
  }

  /** An expert's deviation over the speed of all its units is what each of them gets beyond its level. */
  private count(expert: number, units: readonly number[], sign: 1 | -1): void {
    const each = (sign * this.squares[expert]!) / this.speedOf(units) ** 2
    for (const unit of units) this.variance[unit] = Math.max(0, this.variance[unit]! + each)
    this.sum = 0
    for (const variance of this.variance) this.sum += variance ** 2
  }
}
