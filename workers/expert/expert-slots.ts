import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { expertSlotBytes } from '../../shared/placement/expert-bytes.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { expertWeightsAt } from '../../wasm/src/expert-weights.ts'
import type { SwigluWeights } from '../../wasm/src/swiglu.ts'

/** A slot that a load has taken. Worth nothing once it was published, released or reclaimed. */
export interface SlotTicket {
  readonly address: number
}

/**
 * The arena as equal slots, one expert each: experts of one model have one size, so nothing fragments.
 * A slot is free, taken (loading) or resident. Accounting is exact: SPEC RE4.
 */
export interface ExpertSlots {
  readonly slotBytes: number
  readonly residentBytes: number
  readonly residentCount: number
  weightsOf(layer: number, expert: number): SwigluWeights | null
  /** A free slot, now taken; null when the arena is full. */
  take(): SlotTicket | null
  /** The expert in a taken slot is complete and verified. */
  publish(layer: number, expert: number, ticket: SlotTicket): void
  /** Gives a taken slot back. */
  release(ticket: SlotTicket): void
  /** Forgets every resident expert that `keep` does not name. */
  drop(keep: (layer: number, expert: number) => boolean): void
  /** Gives back slots whose load died with the object that began it; its tickets are worth nothing from then on. */
  reclaim(): void
}

export function createExpertSlots(spec: ModelSpec, tier: Tier, base: number, arenaBytes: number): ExpertSlots {
  const slotBytes = expertSlotBytes(spec, tier)
  const free = Array.from({ length: Math.floor(arenaBytes / slotBytes) }, (_, i) => base + i * slotBytes).toReversed()
  const resident = new Map<number, { layer: number; expert: number; address: number; weights: SwigluWeights }>()
  const keyOf = (layer: number, expert: number) => layer * spec.router.experts + expert
  const taken = new Set<SlotTicket>()
  return {
    slotBytes,
    get residentBytes() {
      return resident.size * slotBytes
    },
    get residentCount() {
      return resident.size
    },
    weightsOf: (layer, expert) => resident.get(keyOf(layer, expert))?.weights ?? null,
    take() {
      const address = free.pop()
      if (address === undefined) return null
      const ticket = { address }
      taken.add(ticket)
      return ticket
    },
    publish(layer, expert, ticket) {
      if (!taken.delete(ticket)) return
      resident.set(keyOf(layer, expert), { layer, expert, address: ticket.address, weights: expertWeightsAt(spec, tier, ticket.address) })
    },
    release(ticket) {
      if (taken.delete(ticket)) free.push(ticket.address)
    },
    drop(keep) {
      for (const [key, { layer, expert, address }] of resident) {
        if (keep(layer, expert)) continue
        resident.delete(key)
        free.push(address)
      }
    },
    reclaim() {
      for (const ticket of taken) free.push(ticket.address)
      taken.clear()
    },
  }
}
