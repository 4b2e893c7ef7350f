import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { expertRanges } from '../../shared/protocol/manifest.ts'
import type { ExpertEntry } from '../../shared/protocol/manifest.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { SlotTicket } from './expert-slots.ts'
import type { Assignment, HostDeps } from './host.ts'

type Loaded = Result<void, MoeError>

/** Brings experts into the arena, each of them alone: what one frame asks for together shares reads, nothing else. SPEC RE1 to RE5. */
export function createExpertLoader(deps: HostDeps) {
  const { manifest, memory, tier } = deps
  const { slots } = memory
  const entries = new Map(manifest.experts.map((entry) => [`${entry.layer}/${entry.expert}`, entry]))
  /** Every expert that is on its way. */
  const loading = new Map<string, Promise<Loaded>>()
  /** Those of them that have a slot. */
  const reading = new Set<Promise<Loaded>>()
  slots.reclaim()

  /** Loads what is missing of a layer's `experts`; all are of the assignment. Whoever comes while one is loading waits for that load: RE3. */
  async function ensure(layer: number, experts: Iterable<number>, assignment: Assignment): Promise<Loaded> {
    const missing = Array.from(experts).filter((expert) => !slots.weightsOf(layer, expert))
    if (missing.length === 0) return ok(undefined)
    const loads = await Promise.all(missing.map((expert) => loading.get(`${layer}/${expert}`) ?? begin(`${layer}/${expert}`, assignment)))
    return loads.find((load) => !load.ok) ?? ok(undefined)
  }

  function begin(name: string, assignment: Assignment): Promise<Loaded> {
    const load = loadExpert(entries.get(name)!, assignment).finally(() => loading.delete(name))
    loading.set(name, load)
    return load
  }

  async function loadExpert(entry: ExpertEntry, assignment: Assignment): Promise<Loaded> {
    let ticket = takeSlot(assignment)
    while (!ticket && reading.size > 0) {
      await Promise.race(reading) // what is loading may be given up, or dropped for this assignment
      ticket = takeSlot(assignment)
    }
    if (!ticket) return full(entry)
    const read = readExpert(entry, ticket)
    reading.add(read)
    return read.finally(() => reading.delete(read))
  }

  async function readExpert(entry: ExpertEntry, ticket: SlotTicket): Promise<Loaded> {
    try {
      const loaded = await deps.reader.load(rangesInto(entry, ticket))
      if (loaded.ok) slots.publish(entry.layer, entry.expert, ticket)
      return loaded
    } finally {
      slots.release(ticket) // RE5: what was published is no longer taken
    }
  }

  /** Room is made by forgetting what this session was not given: an older placement's experts. */
  function takeSlot(assignment: Assignment): SlotTicket | null {
    const ticket = slots.take()
    if (ticket) return ticket
    slots.drop((layer, expert) => assignment.has(layer, expert))
    return slots.take()
  }

  function rangesInto(entry: ExpertEntry, ticket: SlotTicket) {
    let at = ticket.address
    return expertRanges(entry, tier).map((range) => {
      const into = memory.arena.u8(at, range.bytes)
      at += range.bytes
      return { ...range, into }
    })
  }

  function full(entry: ExpertEntry): Loaded {
    const bytes = slots.residentBytes + slots.slotBytes
    return fail('over-budget', `no room for expert ${entry.expert} of layer ${entry.layer}`, { part: 'arena', bytes, budgetBytes: memory.arenaBytes })
  }

  return { ensure }
}
