import type { Draft } from './draft.ts'
import type { Load, Plan } from './plan.ts'

/** An extra copy, and what it may carry. */
interface Extra {
  readonly layer: number
  readonly expert: number
  readonly host: number
  readonly bytes: number
  readonly load: number
}

/** Where a unit holds more than its budget (it shrank, or two hosts turned out to be one isolate), extra copies go, the least loaded first, however long they stayed. */
export function freeOverfull(draft: Draft, load: Load): void {
  for (const unit of draft.units.units.keys()) {
    let missing = -draft.freeBytes[unit]!
    for (const { layer, expert, host, bytes } of missing > 0 ? extrasOf(draft, load, unit) : []) {
      if (missing <= 0) break
      draft.drop(layer, expert, host)
      missing -= bytes
    }
  }
}

/**
 * For experts that have no place: extra copies of others go, the least loaded first, however long they stayed, where that makes room with the fewest of them.
 * The next plan, when they are gone, finds the room.
 */
export function makeRoom(draft: Draft, load: Load, unplaced: Plan['unplaced']): void {
  const free = draft.freeBytes.slice()
  for (const { bytes } of unplaced) {
    let best: { unit: number; drops: Extra[] } | null = null
    for (const unit of free.keys()) {
      const drops = dropsFor(extrasOf(draft, load, unit), bytes - free[unit]!)
      if (drops !== null && (best === null || drops.length < best.drops.length)) best = { unit, drops }
    }
    if (best === null) continue
    for (const { layer, expert, host, bytes: freed } of best.drops) {
      draft.drop(layer, expert, host)
      free[best.unit]! += freed
    }
    free[best.unit]! -= bytes
  }
}

function dropsFor(extras: readonly Extra[], bytes: number): Extra[] | null {
  const drops: Extra[] = []
  let missing = bytes
  for (const extra of extras) {
    if (missing <= 0) break
    drops.push(extra)
    missing -= extra.bytes
  }
  return missing <= 0 ? drops : null
}

/** Extra copies on a unit, the least loaded first. */
function extrasOf(draft: Draft, load: Load, unit: number): Extra[] {
  const extras: Extra[] = []
  for (const [layer, experts] of draft.layers.entries()) {
    for (const [expert, hosts] of experts.entries()) {
      for (const host of hosts) {
        if (draft.units.unitOf[host] !== unit || host === draft.base[layer]![expert]) continue
        extras.push({ layer, expert, host, bytes: draft.expertBytes[layer]![expert]!, load: load[layer]![expert]! })
      }
    }
  }
  return extras.sort((a, b) => a.load - b.load || a.layer - b.layer || a.expert - b.expert || a.host - b.host)
}
