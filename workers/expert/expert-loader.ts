import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { ExpertRef } from '../../shared/protocol/host-api.ts'
import { expertRanges } from '../../shared/protocol/manifest.ts'
import type { ExpertEntry, Manifest } from '../../shared/protocol/manifest.ts'
import type { RangeLoad } from '../../shared/protocol/range-reader.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import type { SlotTicket } from './expert-slots.ts'
import type { HostMemory } from './host-memory.ts'

export type Loaded = Result<void, MoeError>

/** Fills and verifies all ranges of one expert, wherever its bytes come from. Never rejects. */
export type Fill = (ranges: readonly RangeLoad[], ref: ExpertRef) => Promise<Loaded>

export interface ExpertLoaderDeps {
  readonly manifest: Manifest
  readonly tier: Tier
  readonly memory: HostMemory
  /** Whether an open session was given the expert: such a one is never evicted, nor is a pinned one. */
  readonly isAssigned: (layer: number, expert: number) => boolean
}

/** Brings experts into the arena, each of them alone: what is asked for together shares reads, nothing else. SPEC RE1 to RE5, RE8. */
export function createExpertLoader({ manifest, tier, memory, isAssigned }: ExpertLoaderDeps) {
  const { slots, usage } = memory
  const entries = new Map(manifest.experts.map((entry) => [`${entry.layer}/${entry.expert}`, entry]))
  /** Every expert that is on its way. */
  const loading = new Map<string, Promise<Loaded>>()
  /** Those of them that have a slot. */
  const filling = new Set<Promise<Loaded>>()
  slots.reclaim()
  usage.reclaim()

  /** Loads what is missing of `experts`, of the pack all; the first error of any. Whoever comes while one is loading waits for that load: RE3. */
  async function ensure(experts: readonly ExpertRef[], fill: Fill): Promise<Loaded> {
    const missing = experts.filter(([layer, expert]) => !slots.weightsOf(layer, expert))
    const loads = await Promise.all(missing.map((ref) => loading.get(nameOf(ref)) ?? begin(ref, fill)))
    return loads.find((load) => !load.ok) ?? ok(undefined)
  }

  function begin(ref: ExpertRef, fill: Fill): Promise<Loaded> {
    const name = nameOf(ref)
    const load = loadExpert(entries.get(name)!, fill).finally(() => loading.delete(name))
    loading.set(name, load)
    return load
  }

  async function loadExpert(entry: ExpertEntry, fill: Fill): Promise<Loaded> {
    let ticket = takeSlot()
    while (!ticket && filling.size > 0) {
      await Promise.race(filling) // what is loading may be given up, or be evicted
      ticket = takeSlot()
    }
    if (!ticket) return full(entry)
    const load = fillSlot(entry, ticket, fill)
    filling.add(load)
    return load.finally(() => filling.delete(load))
  }

  async function fillSlot(entry: ExpertEntry, ticket: SlotTicket, fill: Fill): Promise<Loaded> {
    const { layer, expert } = entry
    try {
      const filled = await fill(
        rangesAt(entry, ticket.address).map((range) => ({ ...range, isOwned: () => slots.isTaken(ticket) })),
        [layer, expert],
      )
      if (filled.ok) {
        slots.publish(layer, expert, ticket)
        usage.count('loads', 1)
      }
      return filled
    } finally {
      slots.release(ticket) // RE5: what was published is no longer taken
    }
  }

  /** Room is made by forgetting what no open session was given and no order pinned: an older placement's experts. */
  function takeSlot(): SlotTicket | null {
    const ticket = slots.take() ?? (evict() ? slots.take() : null)
    usage.noteSlots()
    return ticket
  }

  function evict(): boolean {
    const evicted = slots.evict(isAssigned)
    if (evicted) usage.count('drops', 1)
    return evicted
  }

  /** An expert's ranges, in order, and where their bytes lie from its slot's address on. */
  function rangesAt(entry: ExpertEntry, address: number): RangeLoad[] {
    let at = address
    return expertRanges(entry, tier).map((range) => {
      const into = memory.arena.u8(at, range.bytes)
      at += range.bytes
      return { ...range, into }
    })
  }

  function full(entry: ExpertEntry): Loaded {
    const bytes = slots.usedBytes + slots.slotBytes
    return fail('over-budget', `no room for expert ${entry.expert} of layer ${entry.layer}`, { part: 'arena', bytes, budgetBytes: memory.arenaBytes })
  }

  return {
    ensure,
    entryOf: (ref: ExpertRef): ExpertEntry | null => entries.get(nameOf(ref)) ?? null,
    /** The bytes of a resident expert with the ranges that they came from; null where it is not resident. */
    residentRanges([layer, expert]: ExpertRef): RangeLoad[] | null {
      const weights = slots.weightsOf(layer, expert)
      return weights && rangesAt(entries.get(`${layer}/${expert}`)!, weights.gate.ptr)
    },
    /** Resolves once the expert is not on its way. */
    async settled(ref: ExpertRef): Promise<void> {
      await loading.get(nameOf(ref))
    },
  }
}

export type ExpertLoader = ReturnType<typeof createExpertLoader>

function nameOf([layer, expert]: ExpertRef): string {
  return `${layer}/${expert}`
}
