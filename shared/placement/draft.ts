import type { Placement } from './placement.ts'
import type { Move } from './plan.ts'
import type { Units } from './units.ts'

/**
 * A placement under change: what each expert has after the moves so far, and the bytes that units have free while old and new copies are both there.
 * Loads and drops become moves in the order in which they are made.
 */
export class Draft {
  readonly units: Units
  /** [layers][experts] → index of the base's host. */
  readonly base: number[][]
  /** [layers][experts] → indexes of live hosts, and of the lost base of what has no place. */
  readonly layers: number[][][]
  /** Bytes free on each unit. A drop frees nothing: it comes after the loads of its plan, when no step uses the old placement. */
  readonly freeBytes: Float64Array
  /** Units that a new replica may go to without waking a standby: a standby that holds something is awake. */
  readonly open: boolean[]
  readonly loads: Move[] = []
  readonly drops: Move[] = []
  readonly expertBytes: readonly (readonly number[])[]

  /** Lost hosts' copies are gone, and a unit keeps one replica of an expert: the base, else the first. */
  constructor(current: Placement, units: Units, expertBytes: readonly (readonly number[])[]) {
    this.units = units
    this.expertBytes = expertBytes
    this.base = current.base.map((experts) => [...experts])
    this.freeBytes = Float64Array.from(units.units, (unit) => unit.budgetBytes)
    this.open = units.units.map(({ standby }) => !standby)
    this.layers = current.layers.map((experts, layer) =>
      experts.map((replicas, expert) => {
        const live = replicas.filter((host) => units.unitOf[host]! >= 0)
        for (const host of live) {
          this.freeBytes[units.unitOf[host]!]! -= expertBytes[layer]![expert]!
          this.open[units.unitOf[host]!] = true
        }
        return live
      }),
    )
    for (const [layer, experts] of this.layers.entries()) {
      for (const [expert, hosts] of experts.entries()) {
        if (hosts.length === 0) continue
        if (!hosts.includes(this.base[layer]![expert]!)) this.base[layer]![expert] = hosts[0]!
        for (const host of hosts) if (this.isTwin(layer, expert, host)) this.drop(layer, expert, host)
      }
    }
  }

  /** Units of an expert, the base's first. None where it has no place. */
  unitsOf(layer: number, expert: number): number[] {
    const base = this.base[layer]![expert]!
    const hosts = this.layers[layer]![expert]!
    const units = hosts.length === 1 ? [] : hosts.filter((host) => host !== base).map((host) => this.units.unitOf[host]!)
    return this.units.unitOf[base]! < 0 ? units : [this.units.unitOf[base]!, ...units]
  }

  hostOn(layer: number, expert: number, unit: number): number {
    return this.layers[layer]![expert]!.find((host) => this.units.unitOf[host] === unit)!
  }

  load(layer: number, expert: number, unit: number): void {
    const host = this.units.units[unit]!.hosts[0]!
    const bytes = this.expertBytes[layer]![expert]!
    this.layers[layer]![expert] = [...this.layers[layer]![expert]!, host].sort((a, b) => a - b)
    this.freeBytes[unit]! -= bytes
    this.open[unit] = true
    this.loads.push({ kind: 'load', layer, expert, host: this.units.hosts[host]!, bytes })
  }

  /** Not the base. */
  drop(layer: number, expert: number, host: number): void {
    this.layers[layer]![expert] = this.layers[layer]![expert]!.filter((other) => other !== host)
    this.drops.push({ kind: 'drop', layer, expert, host: this.units.hosts[host]!, bytes: this.expertBytes[layer]![expert]! })
  }

  /** The placement, one epoch on where anything differs. Hosts that joined are in it once one of them holds something. */
  finish(current: Placement): Placement {
    const same = this.layers.every((experts, layer) =>
      experts.every((hosts, expert) => {
        const before = current.layers[layer]![expert]!
        return this.base[layer]![expert] === current.base[layer]![expert] && hosts.length === before.length && hosts.every((host, i) => host === before[i])
      }),
    )
    if (same) return current
    let used = current.hosts.length
    for (const host of this.layers.flat(2)) used = Math.max(used, host + 1)
    return { epoch: current.epoch + 1, hosts: this.units.hosts.slice(0, used), base: this.base, layers: this.layers }
  }

  private isTwin(layer: number, expert: number, host: number): boolean {
    const base = this.base[layer]![expert]!
    const twins = this.layers[layer]![expert]!.filter((other) => this.units.unitOf[other] === this.units.unitOf[host])
    return host !== base && (twins.includes(base) || twins[0] !== host)
  }
}
