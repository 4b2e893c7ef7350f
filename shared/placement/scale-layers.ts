import { planLayer } from './layer-plan.ts'
import type { LayerPlan, LayerRoom } from './layer-plan.ts'
import type { Draft } from './draft.ts'
import type { Load, PlanLimits } from './plan.ts'

/** Searches each layer, then makes the changes that gain most first. A layer whose room others took, or whose moves the limits cut, is searched again in what is left. */
export function scaleLayers(draft: Draft, load: Load, speed: Float64Array, limits: PlanLimits): void {
  let loadsLeft = limits.movesMax
  let bytesLeft = limits.moveBytesMax
  const search = (layer: number): LayerPlan => searchLayer(draft, layer, load, speed, limits, loadsLeft, bytesLeft)
  const found = draft.layers.flatMap((experts, layer) => (experts.length === 0 ? [] : [{ layer, plan: search(layer), open: openUnits(draft) }]))
  found.sort((a, b) => gainMs(b.plan) - gainMs(a.plan) || a.layer - b.layer)
  for (const { layer, plan: first, open } of found) {
    if (first.changes.length === 0 && open === openUnits(draft)) continue
    const plan = fits(draft, layer, first, loadsLeft, bytesLeft) && open === openUnits(draft) ? first : search(layer)
    for (const { kind, expert, unit } of plan.changes) {
      if (kind === 'drop') {
        draft.drop(layer, expert, draft.hostOn(layer, expert, unit))
        continue
      }
      draft.load(layer, expert, unit)
      loadsLeft--
      bytesLeft -= limits.expertBytes[layer]![expert]!
    }
  }
}

/** Standbys are woken only where that beats what the open units give by another `gainMin`. */
function searchLayer(draft: Draft, layer: number, load: Load, speed: Float64Array, limits: PlanLimits, loadsMax: number, loadBytesMax: number): LayerPlan {
  const placed = draft.layers[layer]!.map((_, expert) => draft.unitsOf(layer, expert))
  const state = { load: load[layer]!, deviation: limits.deviation?.[layer] ?? null, speed, placed }
  const room: LayerRoom = {
    cost: limits.cost,
    gainMin: limits.gainMin,
    expertBytes: limits.expertBytes[layer]!,
    freeBytes: draft.freeBytes.map((bytes, unit) => (draft.open[unit] ? bytes : -1)),
    copiesMax: limits.copiesMax,
    loadsMax,
    loadBytesMax,
    mayDrop: (expert, unit) => limits.mayDrop === null || limits.mayDrop(layer, expert, draft.hostOn(layer, expert, unit)),
  }
  const open = planLayer(state, room)
  if (!draft.open.includes(false) || loadsMax === 0) return open
  const woken = planLayer(state, { ...room, freeBytes: draft.freeBytes })
  return woken.potential < open.potential + Math.log(1 - limits.gainMin) ? woken : open
}

function fits(draft: Draft, layer: number, { changes }: LayerPlan, loadsLeft: number, bytesLeft: number): boolean {
  const free = draft.freeBytes.slice()
  let loads = 0
  let bytes = 0
  for (const { kind, expert, unit } of changes) {
    if (kind === 'drop') continue
    const each = draft.expertBytes[layer]![expert]!
    free[unit]! -= each
    loads++
    bytes += each
    if (free[unit]! < 0) return false
  }
  return loads <= loadsLeft && bytes <= bytesLeft
}

function gainMs({ beforeMs, afterMs }: LayerPlan): number {
  return beforeMs - afterMs
}

function openUnits(draft: Draft): number {
  return draft.open.filter(Boolean).length
}
