import { pagesFor } from '../../shared/core/page-tables.ts'
import type { PageTables } from '../../shared/core/page-tables.ts'
import { chooseVictim, laneShare, mayJoin, promptBudget, scheduleStep } from '../../shared/core/scheduler.ts'
import type { StepLimits } from '../../shared/core/scratch.ts'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { firstNeeded } from './sequence.ts'
import type { Sequence } from './sequence.ts'

/** What a step takes of one sequence: positions `from` to `from + tokens − 1`. */
export interface StepSlice {
  readonly sequence: Sequence
  readonly from: number
  readonly tokens: number
}

/** Turns without a held sequence until its place is for others: a mask that is a little late should not cost what is computed again. */
const HELD_TURNS = 32

/**
 * Which sequences run, which wait, and what the next step takes. Pages are given as sequences grow; when none is left, the latest sequence that
 * is in no step gives its own up and waits again, to be computed anew. A sequence whose next page another one is computing waits for it. One that is held
 * keeps its place and pages only while nobody else needs them for longer. SPEC SC1, SC2, SC8, SC9, GR6.
 */
export function createRunQueue(tables: PageTables, limits: StepLimits) {
  const slots = Array.from({ length: limits.running }, (_, i) => limits.running - 1 - i)
  /** Both in order of age. */
  let running: Sequence[] = []
  let waiting: Sequence[] = []
  let turn = 0
  let preemptions = 0
  let cachedTokens = 0

  function add(sequences: readonly Sequence[]): void {
    waiting = [...waiting, ...sequences].toSorted(byAge) // what is resumed is older than what waits
  }

  /** Takes a sequence out and frees what it held. */
  function remove(sequence: Sequence): void {
    if (sequence.inStep) throw new Error(`sequence ${sequence.id} is removed while a step has it`)
    running = running.filter((s) => s !== sequence)
    waiting = waiting.filter((s) => s !== sequence)
    vacate(sequence)
  }

  /**
   * The slices of the next step, each with its pages; none where nothing can run. Their sequences are `inStep` from here on.
   * @param idleLanes lanes that could take a step now, this one included: they divide what is idle.
   */
  function nextStep(idleLanes: number): StepSlice[] {
    admit()
    const active = running.filter((s) => !s.held) // nobody waits for what a sequence will compute once its mask has come
    for (const sequence of active) if (!sequence.inStep) reuse(sequence)
    const ready = withoutFollowers(active).filter((s) => !s.inStep)
    const picked = pick(ready, laneShare({ ready: ready.length, idleLanes, running: active.length, lanes: limits.lanes }))
    const known = picked.map((s) => ({ id: s.id, length: s.length, known: s.tokens.length }))
    const byId = new Map(picked.map((s) => [s.id, s]))
    const decoding = active.some((s) => s.tokens.length - s.length === 1)
    const budget = { tokens: limits.stepTokens, promptTokens: promptBudget(limits.chunk, decoding) }
    const slices = scheduleStep(known, budget).map(({ sequence, from, tokens }) => withPages(byId.get(sequence)!, from, tokens))
    turn++
    for (const { sequence } of slices) {
      sequence.inStep = true
      sequence.turn = turn
    }
    return slices
  }

  function admit(): void {
    for (let next = firstWaiting(); next; next = firstWaiting()) {
      while (!hasRoomFor(next)) {
        const held = lingering()
        if (!held) return
        preempt(held)
      }
      const joins = next
      waiting = waiting.filter((s) => s !== joins)
      next.slot = slots.pop()!
      next.turn = turn
      running = insertByAge(running, next)
      reuse(next) // before the next one's pages are counted
    }
  }

  function firstWaiting(): Sequence | undefined {
    return waiting.find((s) => !s.held)
  }

  function hasRoomFor(sequence: Sequence): boolean {
    const demand = { running: running.length, available: tables.available, promised: promisedPages() }
    return running.length < limits.running && mayJoin(tables.cost(sequence.tokens, firstNeeded(sequence)), demand)
  }

  /** The latest sequence that others need not wait for any longer: it was held for many turns, or there is none that runs. */
  function lingering(): Sequence | undefined {
    const isStuck = running.every((s) => s.held)
    return running.findLast((s) => s.held && (isStuck || turn - s.turn >= HELD_TURNS))
  }

  function promisedPages(): number {
    return running.reduce((sum, s) => sum + Math.max(0, pagesFor(s.tokens.length) - s.table.pages.length), 0)
  }

  /** Reads on from the prefix cache where the sequence stands at the end of a published page. */
  function reuse(sequence: Sequence): void {
    const { table, tokens, length } = sequence
    if (length !== table.nodes.length * KV_PAGE_POSITIONS) return
    sequence.length = tables.reuse(table, tokens, firstNeeded(sequence))
    if (sequence.preempted) return
    sequence.cachedTokens += sequence.length - length
    cachedTokens += sequence.length - length
  }

  /** Without those that would compute a page which an earlier sequence is about to publish: choices of one prompt share its prefill. */
  function withoutFollowers(sequences: readonly Sequence[]): Sequence[] {
    const computed = new Set<number>()
    return sequences.filter((s) => {
      const page = tables.nextPage(s.table, s.tokens)
      if (page === null) return true
      const pageEnd = (s.table.nodes.length + 1) * KV_PAGE_POSITIONS
      const follows = !s.inStep && computed.has(page) && s.length <= pageEnd - KV_PAGE_POSITIONS && pageEnd <= firstNeeded(s)
      computed.add(page)
      return !follows
    })
  }

  /** At most `share` of those that have, or now get, room for a position at least; who waited longest is asked first. */
  function pick(ready: readonly Sequence[], share: number): Sequence[] {
    const picked = new Set<Sequence>()
    for (const sequence of ready.toSorted((a, b) => a.turn - b.turn || a.id - b.id)) {
      if (picked.size === share) break
      if (sequence.slot >= 0 && makeRoom(sequence, picked)) picked.add(sequence) // no slot: preempted a moment ago
    }
    return [...picked].toSorted(byAge)
  }

  /** A page for the sequence's next position, at the cost of later ones where it must be. */
  function makeRoom(sequence: Sequence, picked: Set<Sequence>): boolean {
    while (!tables.grow(sequence.table, sequence.length + 1)) {
      const idle = running.filter((s) => !s.inStep)
      const victim = chooseVictim(sequence, idle) ?? idle.findLast((s) => s.held)
      if (!victim) return false
      preempt(victim)
      picked.delete(victim)
    }
    return true
  }

  /** Back to the front of the queue; what it generated is known and will only be computed again. */
  function preempt(sequence: Sequence): void {
    preemptions++
    running = running.filter((s) => s !== sequence)
    vacate(sequence)
    sequence.length = 0
    sequence.preempted = true
    waiting = insertByAge(waiting, sequence)
  }

  /** A slice shrinks to the pages there are: room for its first position was made. */
  function withPages(sequence: Sequence, from: number, tokens: number): StepSlice {
    const { table } = sequence
    const end = Math.min(from + tokens, (table.pages.length + tables.available) * KV_PAGE_POSITIONS)
    if (!tables.grow(table, end)) throw new Error(`no pages for ${end} positions`)
    return { sequence, from, tokens: end - from }
  }

  function vacate(sequence: Sequence): void {
    tables.release(sequence.table)
    if (sequence.slot >= 0) slots.push(sequence.slot)
    sequence.slot = -1
  }

  return {
    add,
    remove,
    nextStep,
    /** All sequences, running ones first. */
    all: (): Sequence[] => [...running, ...waiting],
    /** Tokens that waiting sequences keep in memory. */
    waitingTokens: () => Array.from(new Set(waiting.map((s) => s.tokens)), (tokens) => tokens.length).reduce((sum, length) => sum + length, 0),
    counts: () => ({ running: running.length, waiting: waiting.length, preemptions, cachedTokens }),
  }
}

function byAge(a: Sequence, b: Sequence): number {
  return a.id - b.id
}

function insertByAge(list: readonly Sequence[], sequence: Sequence): Sequence[] {
  return [...list, sequence].toSorted(byAge)
}
