import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { expertRanges } from '../../shared/protocol/manifest.ts'
import type { ExpertEntry } from '../../shared/protocol/manifest.ts'
import { loadRanges } from '../../shared/protocol/range-reader.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { SlotTicket } from './expert-slots.ts'
import type { Assignment, HostDeps } from './host.ts'

type Loaded = Result<void, MoeError>

/**
 * Brings experts into the arena. What a frame misses is one batch: its reads share chunks and the bound on reads in flight. Batches run
 * one after the other, so that bound holds for the isolate. SPEC RE1 to RE5.
 */
export function createExpertLoader(deps: HostDeps) {
  const { manifest, memory, tier } = deps
  const { slots } = memory
  const entries = new Map(manifest.experts.map((entry) => [`${entry.layer}/${entry.expert}`, entry]))
  /** Experts in a batch that is queued or under way. */
  const loading = new Map<string, Promise<Loaded>>()
  let queue: Promise<unknown> = Promise.resolve()
  slots.reclaim()

  /** Loads what is missing of a layer's `experts`; all are of the assignment. Whoever comes while one is loading waits for that load: RE3. */
  async function ensure(layer: number, experts: Iterable<number>, assignment: Assignment): Promise<Loaded> {
    const missing = Array.from(experts).filter((expert) => !slots.weightsOf(layer, expert))
    if (missing.length === 0) return ok(undefined)
    const names = missing.map((expert) => `${layer}/${expert}`)
    const fresh = names.filter((name) => !loading.has(name))
    if (fresh.length > 0) enqueue(fresh, assignment)
    const loads = await Promise.all(names.map((name) => loading.get(name)!))
    return loads.find((load) => !load.ok) ?? ok(undefined)
  }

  function enqueue(names: readonly string[], assignment: Assignment): void {
    const batch = queue.then(() =>
      loadBatch(
        names.map((name) => entries.get(name)!),
        assignment,
      ),
    )
    const done = batch.finally(() => names.forEach((name) => loading.delete(name)))
    for (const name of names) loading.set(name, done)
    queue = batch.catch(() => undefined) // whoever waits for the batch sees its fault; the next batch runs all the same
  }

  async function loadBatch(batch: readonly ExpertEntry[], assignment: Assignment): Promise<Loaded> {
    const tickets: SlotTicket[] = []
    try {
      for (const entry of batch) {
        const ticket = takeSlot(assignment)
        if (!ticket) return full(entry)
        tickets.push(ticket)
      }
      const loads = batch.flatMap((entry, i) => rangesInto(entry, tickets[i]!))
      const loaded = await loadRanges(deps.store, deps.createHasher, loads)
      if (loaded.ok) batch.forEach((entry, i) => slots.publish(entry.layer, entry.expert, tickets[i]!))
      return loaded
    } finally {
      for (const ticket of tickets) slots.release(ticket) // RE5: what was published is no longer taken
    }
  }

  /** Room is made by forgetting what this session was not given: an older placement's experts. */
  function takeSlot(assignment: Assignment): SlotTicket | null {
    const ticket = slots.take()
    if (ticket) return ticket
    slots.drop((layer, expert) => assignment.has(`${layer}/${expert}`))
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
