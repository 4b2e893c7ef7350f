import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createPageTables, pagesFor } from '../../shared/core/page-tables.ts'
import { activeRequest } from '../../test/fixtures/active-request.ts'
import { createRunQueue } from './run-queue.ts'
import type { StepSlice } from './run-queue.ts'
import { append, createSequences } from './sequence.ts'
import type { Sequence } from './sequence.ts'

const LIMITS = { lanes: 1, stepTokens: 12, running: 6, chunk: 6 }
const PAGES = 8
const CONTEXT = PAGES * 16

const arbJob = fc.record({
  /** Prompts of one kind begin alike. */
  kind: fc.integer({ min: 1, max: 3 }),
  prompt: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: CONTEXT - 1 })),
  generate: fc.integer({ min: 1, max: 110 }),
  arrives: fc.nat(20),
  /** Steps after which it is cancelled, if it still runs. */
  patience: fc.option(fc.nat(200)),
  /** Steps until a mask comes, at most. */
  maskDelay: fc.oneof(fc.constant(0), fc.nat(60)),
})

interface Job {
  readonly sequence: Sequence
  readonly generate: number
  readonly arrives: number
  readonly patience: number | null
  readonly maskDelay: number
  /** The step from which on the mask for its next token is there. */
  maskAt: number
}

type Shape = typeof arbJob extends fc.Arbitrary<infer T> ? T : never

/** Plays the part of the engine on `lanes` lanes, whose steps end in any order, until all is done; checks after each what must always hold. */
function simulate(shapes: readonly Shape[], lanes: number, prefixCache: boolean) {
  const tables = createPageTables(PAGES, { prefixCache })
  const queue = createRunQueue(tables, { ...LIMITS, lanes })
  const memory = new Map<number, number>()
  let nextId = 0
  const jobs = shapes
    .toSorted((a, b) => a.arrives - b.arrives)
    .map((shape): Job => {
      const prompt = Array.from({ length: shape.prompt }, (_, i) => (i * shape.kind) % 7)
      const [sequence] = createSequences(activeRequest([prompt]), CONTEXT, () => nextId++, tables.open)
      return { ...shape, sequence: sequence!, generate: Math.min(shape.generate, CONTEXT - shape.prompt), maskAt: shape.arrives + shape.maskDelay }
    })
  const pending = [...jobs]
  const underWay: StepSlice[][] = []
  let left = jobs.length
  const leave = (sequence: Sequence) => {
    queue.remove(sequence)
    left--
  }
  for (let step = 0; left > 0; step++) {
    if (step > 20_000) throw new Error('it never ends')
    while (pending[0] && pending[0].arrives <= step) queue.add([pending.shift()!.sequence])
    for (const { sequence, patience, arrives } of jobs) if (patience !== null && step > arrives + patience) sequence.cancelled = true
    for (const { sequence, maskAt } of jobs) if (step >= maskAt) sequence.held = false
    for (const sequence of queue.all()) if (sequence.cancelled && !sequence.inStep) leave(sequence)
    while (underWay.length < lanes) {
      const slices = queue.nextStep(lanes - underWay.length)
      if (slices.length === 0) break
      checkSlices(queue.all(), slices, underWay.flat())
      for (const slice of slices) beginWriting(memory, slice)
      underWay.push(slices)
    }
    checkPages(queue.all())
    const oldest = queue.all().find((s) => s.slot >= 0 && !s.held)
    if (oldest && lanes === 1) expect(oldest.inStep).toBe(true) // it always advances
    if (queue.all().some((s) => !s.held)) expect(underWay.length).toBeGreaterThan(0) // whatever the held ones have
    for (const slice of underWay.splice(prefixHash([step]) % Math.max(1, underWay.length), 1).flat()) {
      const { sequence } = slice
      attend(memory, slice)
      sequence.inStep = false
      const job = jobs.find((one) => one.sequence === sequence)!
      const isWhole = slice.from + slice.tokens === sequence.tokens.length
      sequence.held = isWhole && step < job.maskAt
      sequence.length += sequence.held ? slice.tokens - 1 : slice.tokens
      tables.publish(sequence.table, sequence.tokens, sequence.length)
      if (!isWhole || sequence.held) continue
      append(sequence, prefixHash(sequence.tokens) & 3)
      job.maskAt = step + (Math.abs(prefixHash(sequence.tokens)) % (job.maskDelay + 1))
      if (sequence.tokens.length - sequence.promptLength >= job.generate) leave(sequence)
    }
  }
  expect(tables.held).toBe(0)
  expect(queue.counts()).toMatchObject({ running: 0, waiting: 0 })
  return queue.counts()
}

/** The positions of a slice: nobody may read or write them until its step ends. */
function beginWriting(memory: Map<number, number>, { sequence, from, tokens }: StepSlice): void {
  for (let position = from; position < from + tokens; position++) memory.set(cellOf(sequence, position), BEING_WRITTEN)
}

/** As attention does: reads all before the slice and writes the slice. What stands in a cell is the hash of the tokens up to it. */
function attend(memory: Map<number, number>, { sequence, from, tokens }: StepSlice): void {
  let hash = 0
  for (let position = 0; position < from + tokens; position++) {
    hash = prefixHash([sequence.tokens[position]!], hash)
    const cell = cellOf(sequence, position)
    if (memory.get(cell) !== (position < from ? hash : BEING_WRITTEN)) throw new Error(`sequence ${sequence.id}: position ${position} is another's`)
    memory.set(cell, hash)
  }
}

const BEING_WRITTEN = 0.5

function cellOf({ table }: Sequence, position: number): number {
  return table.pages[Math.floor(position / 16)]! * 16 + (position % 16)
}

function prefixHash(tokens: readonly number[], begin = 0): number {
  return tokens.reduce((hash, token) => Math.imul(hash ^ (token + 1), 0x9e3779b1) ^ (hash >>> 13), begin)
}

function checkPages(all: readonly Sequence[]): void {
  const own = all.flatMap((s) => s.table.pages.slice(s.table.nodes.length))
  const shared = new Set(all.flatMap((s) => s.table.nodes.map((node) => node.page)))
  expect(new Set([...own, ...shared]).size).toBe(own.length + shared.size)
  const slots = all.flatMap((s) => (s.slot >= 0 ? [s.slot] : []))
  expect(new Set(slots).size).toBe(slots.length)
}

function checkSlices(all: readonly Sequence[], slices: readonly StepSlice[], others: readonly StepSlice[]): void {
  for (const { sequence, from, tokens } of slices) {
    expect(from).toBe(sequence.length)
    expect(tokens).toBeGreaterThan(0)
    expect(from + tokens).toBeLessThanOrEqual(sequence.tokens.length)
    expect(sequence.table.pages.length).toBeGreaterThanOrEqual(pagesFor(from + tokens))
    expect(from).toBeGreaterThanOrEqual(sequence.table.nodes.length * 16) // what is published is never written again
    expect(all).toContain(sequence)
  }
  const inSteps = [...slices, ...others].map((slice) => slice.sequence)
  expect(new Set(inSteps).size).toBe(inSteps.length)
  expect(slices.reduce((sum, slice) => sum + slice.tokens, 0)).toBeLessThanOrEqual(LIMITS.stepTokens)
}

it('[SC8] [SC10] [GR6] whatever arrives, leaves, grows and waits for masks, on however many lanes: every sequence ends, the oldest advances, no lane idles, no page is lost or read by who may not', () => {
  let preemptions = 0
  let cachedTokens = 0
  fc.assert(
    fc.property(fc.array(arbJob, { minLength: 1, maxLength: 10 }), fc.integer({ min: 1, max: 4 }), fc.boolean(), (shapes, lanes, prefixCache) => {
      const counts = simulate(shapes, lanes, prefixCache)
      preemptions += counts.preemptions
      cachedTokens += counts.cachedTokens
    }),
    { numRuns: 80 },
  )
  expect(preemptions).toBeGreaterThan(10) // the pages did run out
  expect(cachedTokens).toBeGreaterThan(100) // and prefixes were found
})

it('[SC8] the latest is preempted, keeps its age and its tokens, and is computed again from the beginning', () => {
  const tables = createPageTables(4, { prefixCache: false })
  const queue = createRunQueue(tables, LIMITS)
  let nextId = 0
  const [old, late] = [15, 16].map((length) => createSequences(activeRequest([Array(length).fill(5)]), 64, () => nextId++, tables.open)[0]!)
  queue.add([old!, late!])
  const step = () => {
    const slices = queue.nextStep(1)
    for (const { sequence, tokens } of slices) {
      sequence.inStep = false
      sequence.length += tokens
      if (sequence.length === sequence.tokens.length) append(sequence, 9)
    }
    return slices.map(({ sequence, from, tokens }) => [sequence.id, from, tokens])
  }
  while (queue.counts().preemptions === 0) step()
  expect(old!.length).toBe(33) // its third page was one of the other's two
  expect(late).toMatchObject({ length: 0, slot: -1, table: { pages: [] } })
  const known = late!.tokens.length
  expect(known).toBeGreaterThan(16)
  queue.remove(old!)
  expect(step()).toEqual([[1, 0, 12]])
  while (late!.tokens.length === known) step()
  expect(late!.length).toBe(known)
  queue.remove(late!)
  expect(tables.held).toBe(0)
})

it('[SC9] who would compute a page that an earlier one is computing waits for it, and finds it', () => {
  const tables = createPageTables(20, { prefixCache: true })
  const queue = createRunQueue(tables, { lanes: 1, stepTokens: 40, running: 6, chunk: 10 })
  let nextId = 0
  const prompt = Array.from({ length: 50 }, (_, i) => i)
  const sequences = createSequences(activeRequest([prompt, prompt, prompt.with(20, 99)]), 320, () => nextId++, tables.open)
  queue.add(sequences)
  const step = () => {
    const slices = queue.nextStep(1)
    for (const { sequence, tokens } of slices) {
      sequence.inStep = false
      sequence.length += tokens
      tables.publish(sequence.table, sequence.tokens, sequence.length)
    }
    return slices.map(({ sequence, from, tokens }) => [sequence.id, from, tokens])
  }
  expect(step()).toEqual([[0, 0, 20]])
  expect(step()).toEqual([
    [0, 20, 10],
    [2, 16, 10], // the first page was the same for all
  ])
  while (sequences[0]!.length < 50) step()
  expect(step()).toContainEqual([1, 48, 2]) // all of it was there but what no page holds
  expect(sequences.map((s) => s.cachedTokens)).toEqual([0, 48, 16])
})

it('[SC5] counts the tokens that wait once for all choices of a prompt', () => {
  const tables = createPageTables(4, { prefixCache: false })
  const queue = createRunQueue(tables, { ...LIMITS, running: 1 })
  let nextId = 0
  const job = activeRequest([[1, 2, 3]])
  const sequences = createSequences({ ...job, request: { ...job.request, n: 3 } }, 64, () => nextId++, tables.open)
  queue.add(sequences)
  queue.add(createSequences(activeRequest([[4, 5]]), 64, () => nextId++, tables.open))
  expect(queue.waitingTokens()).toBe(5)
  queue.nextStep(1)
  expect(queue.counts()).toMatchObject({ running: 1, waiting: 3 })
  for (const sequence of sequences.slice(1)) queue.remove(sequence)
  expect(queue.waitingTokens()).toBe(2)
})

it('[SC4] what a step has cannot be removed', () => {
  const tables = createPageTables(4, { prefixCache: false })
  const queue = createRunQueue(tables, LIMITS)
  const [sequence] = createSequences(activeRequest([[1, 2]]), 64, () => 0, tables.open)
  queue.add([sequence!])
  queue.nextStep(1)
  expect(() => queue.remove(sequence!)).toThrow(/step/)
})
