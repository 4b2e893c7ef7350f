import type { ModelSpec } from '../../shared/core/model-spec.ts'
import { expertSlotBytes } from '../../shared/placement/expert-bytes.ts'
import type { ExpertRef } from '../../shared/protocol/host-api.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { expertWeightsAt } from '../../wasm/src/expert-weights.ts'
import type { SwigluWeights } from '../../wasm/src/swiglu.ts'

/** A slot that a load has taken. Worth nothing once it was published, released or reclaimed. */
export interface SlotTicket {
  readonly address: number
}

/**
 * The arena as equal slots, one expert each: experts of one model have one size, so nothing fragments and nothing is ever compacted.
 * A slot is free, taken (loading) or resident. A pin names an expert, resident or on its way; it lives as long as the weights do, so an
 * evicted object forgets neither. Accounting is exact: SPEC RE4, RE8.
 */
export interface ExpertSlots {
  readonly slotBytes: number
  /** Free, taken and resident. */
  readonly slotCount: number
  readonly residentBytes: number
  readonly residentCount: number
  /** Of resident and taken slots. */
  readonly usedBytes: number
  /** What a resident expert runs on: one object from its publication to its end, so that two looks tell whether it is still the same copy. */
  weightsOf(layer: number, expert: number): SwigluWeights | null
  /** Ascending. */
  residents(): ExpertRef[]
  /** A free slot, now taken; null when the arena is full. */
  take(): SlotTicket | null
  /** Whether the slot is still this load's. One whose object died loses it, perhaps while bytes are on their way. */
  isTaken(ticket: SlotTicket): boolean
  /** The expert in a taken slot is complete and verified. Where it is resident already, that copy stays and the slot is free. */
  publish(layer: number, expert: number, ticket: SlotTicket): void
  /** Gives a taken slot back. */
  release(ticket: SlotTicket): void
  /** From now on the expert goes by `drop` only. */
  pin(layer: number, expert: number): void
  unpin(layer: number, expert: number): void
  /** Forgets an expert and its pin; false where it was not resident. */
  drop(layer: number, expert: number): boolean
  /** Forgets the oldest resident expert that is neither pinned nor kept; false where there is none. */
  evict(keep: (layer: number, expert: number) => boolean): boolean
  /** Forgets all residents and pins, as a new isolate has none. */
  clear(): void
  /** Gives back slots whose load died with the object that began it; its tickets are worth nothing from then on. */
  reclaim(): void
}

interface Resident {
  readonly ref: ExpertRef
  readonly address: number
  readonly weights: SwigluWeights
}

export function createExpertSlots(spec: ModelSpec, tier: Tier, base: number, arenaBytes: number): ExpertSlots {
  const slotBytes = expertSlotBytes(spec, tier)
  const slotCount = Math.floor(arenaBytes / slotBytes)
  const free = Array.from({ length: slotCount }, (_, i) => base + i * slotBytes).toReversed()
  const resident = new Map<number, Resident>()
  const pins = new Set<number>()
  const taken = new Set<SlotTicket>()
  const keyOf = (layer: number, expert: number) => layer * spec.router.experts + expert

  function forget(key: number, { address }: Resident): void {
    resident.delete(key)
    free.push(address)
  }

  return {
    slotBytes,
    slotCount,
    get residentBytes() {
      return resident.size * slotBytes
    },
    get residentCount() {
      return resident.size
    },
    get usedBytes() {
      return (resident.size + taken.size) * slotBytes
    },
    weightsOf: (layer, expert) => resident.get(keyOf(layer, expert))?.weights ?? null,
    residents: () =>
      Array.from(resident.keys())
        .sort((a, b) => a - b)
        .map((key) => resident.get(key)!.ref),
    take() {
      const address = free.pop()
      if (address === undefined) return null
      const ticket = { address }
      taken.add(ticket)
      return ticket
    },
    isTaken: (ticket) => taken.has(ticket),
    publish(layer, expert, ticket) {
      if (!taken.delete(ticket)) return
      const { address } = ticket
      const key = keyOf(layer, expert)
      if (resident.has(key)) free.push(address)
      else resident.set(key, { ref: [layer, expert], address, weights: expertWeightsAt(spec, tier, address) })
    },
    release(ticket) {
      if (taken.delete(ticket)) free.push(ticket.address)
    },
    pin: (layer, expert) => void pins.add(keyOf(layer, expert)),
    unpin: (layer, expert) => void pins.delete(keyOf(layer, expert)),
    drop(layer, expert) {
      const key = keyOf(layer, expert)
      const found = resident.get(key)
      pins.delete(key)
      if (found) forget(key, found)
      return found !== undefined
    },
    evict(keep) {
      for (const [key, found] of resident) {
        if (pins.has(key) || keep(...found.ref)) continue
        forget(key, found)
        return true
      }
      return false
    },
    clear() {
      pins.clear()
      for (const [key, found] of resident) forget(key, found)
    },
    reclaim() {
      for (const ticket of taken) free.push(ticket.address)
      taken.clear()
    },
  }
}
