import type { Draft } from './draft.ts'
import type { Load, Plan } from './plan.ts'

/**
 * Gives every expert that lost all its replicas a base again, layer by layer over as few units as its bytes allow: a call to a host costs the same whatever it carries.
 * Each layer takes the unit that can hold most of what is missing; then one that the layer calls anyway, then the one with least work. Warm units before standbys.
 * @returns what fits nowhere. It stays in the table where it was, on the lost host: if that comes back, it serves again.
 */
export function repairBase(draft: Draft, load: Load, expertBytes: readonly (readonly number[])[]): Plan['unplaced'] {
  const work = workOf(draft, load)
  const unplaced: { layer: number; expert: number; bytes: number }[] = []
  for (const [layer, experts] of draft.layers.entries()) {
    let missing = [...experts.keys()].filter((expert) => experts[expert]!.length === 0)
    while (missing.length > 0) {
      const touched = new Set(experts.flatMap((_, expert) => draft.unitsOf(layer, expert)))
      const unit = bestUnit(
        draft,
        missing.map((expert) => expertBytes[layer]![expert]!),
        touched,
        work,
      )
      if (unit === null) break
      const left: number[] = []
      for (const expert of missing) {
        if (expertBytes[layer]![expert]! > draft.freeBytes[unit]!) {
          left.push(expert)
          continue
        }
        draft.load(layer, expert, unit)
        draft.base[layer]![expert] = draft.hostOn(layer, expert, unit)
        work[unit]! += load[layer]![expert]! / draft.units.units[unit]!.speed
      }
      missing = left
    }
    for (const expert of missing) unplaced.push({ layer, expert, bytes: expertBytes[layer]![expert]! })
  }
  for (const { layer, expert } of unplaced) draft.layers[layer]![expert] = [draft.base[layer]![expert]!]
  return unplaced
}

/** Null: no unit can hold any of these. */
function bestUnit({ units, freeBytes, open }: Draft, bytes: readonly number[], touched: ReadonlySet<number>, work: Float64Array): number | null {
  const candidates = units.units.flatMap((_, unit) => {
    const count = fitting(freeBytes[unit]!, bytes)
    return count === 0 ? [] : [{ unit, open: open[unit]!, count, touched: touched.has(unit), work: work[unit]! }]
  })
  candidates.sort((a, b) => Number(b.open) - Number(a.open) || b.count - a.count || Number(b.touched) - Number(a.touched) || a.work - b.work || a.unit - b.unit)
  return candidates[0]?.unit ?? null
}

function fitting(freeBytes: number, bytes: readonly number[]): number {
  let left = freeBytes
  let count = 0
  for (const each of bytes) {
    if (each > left) continue
    left -= each
    count++
  }
  return count
}

/** Pairs over speed of each unit, an expert's shared evenly. */
function workOf({ units, layers }: Draft, load: Load): Float64Array {
  const work = new Float64Array(units.units.length)
  for (const [layer, experts] of layers.entries()) {
    for (const [expert, hosts] of experts.entries()) {
      for (const host of hosts) work[units.unitOf[host]!]! += load[layer]![expert]! / hosts.length / units.units[units.unitOf[host]!]!.speed
    }
  }
  return work
}
