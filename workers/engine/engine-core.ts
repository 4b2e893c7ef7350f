import { createKvPages } from '../../shared/core/kv-pages.ts'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { logprobsOf, sampleToken } from '../../shared/core/sampler.ts'
import { admitCount, scheduleStep } from '../../shared/core/scheduler.ts'
import type { Slice } from '../../shared/core/scheduler.ts'
import type { StepLimits } from '../../shared/core/scratch.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { GenerateRequest, ModelInfo } from '../../shared/protocol/engine-api.ts'
import { fail, moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { checkRequest } from './admission.ts'
import type { EngineMemory } from './engine-memory.ts'
import { createExpertRunner } from './expert-runner.ts'
import { forwardStep } from './forward.ts'
import type { HostLink } from './host-link.ts'
import { guardSink } from './event-sink.ts'
import type { EventSink } from './event-sink.ts'
import { advance, createSequences, pagesNeeded, wantsLogits } from './sequence.ts'
import type { ActiveRequest, Sequence } from './sequence.ts'
import { createStepBatch } from './step-batch.ts'
import { resolveTrunk } from './trunk-weights.ts'

export interface EngineDeps {
  /** Loaded: the trunk is in place. */
  readonly memory: EngineMemory
  readonly info: ModelInfo
  readonly limits: StepLimits
  readonly placement: Placement
  /** One link for each host of the placement, in its order. */
  readonly links: readonly HostLink[]
  /** Asked after every layer: what to wait for, so that the thread sees its sockets; null where it is not time yet (docs/design/engine.md). */
  pause(): Promise<void> | null
  /** Told of a fault of ours; the sequences it hit were ended with `internal`. */
  onFault(error: unknown): void
}

/**
 * The engine without its platform: continuous batching over one model. One loop runs while there are sequences; each turn is
 * cancel → admit → schedule → forward → advance. SPEC SC1 to SC5.
 */
export function createEngineCore(deps: EngineDeps) {
  const { memory, info, limits } = deps
  const pages = createKvPages(memory.budget.kvPages)
  const slots = Array.from({ length: limits.running }, (_, i) => limits.running - 1 - i)
  const batch = createStepBatch(memory)
  const trunk = resolveTrunk(memory)
  const runExperts = createExpertRunner(memory, deps.placement, deps.links)
  /** The sequence of each token of the batch. */
  let batchOwners: Sequence[] = []
  let running: Sequence[] = []
  let waiting: Sequence[] = []
  let looping = false
  let nextId = 0
  let steps = 0

  /** Queues a request; its events go to `sink` from the next step on. */
  function generate(request: GenerateRequest, sink: EventSink): Result<void, MoeError> {
    const checked = checkRequest(request, info)
    if (!checked.ok) return checked
    const count = request.prompts.length * request.n
    if (waiting.length + count > LIMITS.waitingMax) return fail('overloaded', `${waiting.length} sequences wait already`, { retryAfterS: 1 })
    const owner: ActiveRequest = {
      request,
      stopTokens: new Set(request.stopTokens),
      sink: guardSink(sink, () => cancel(request.requestId, null), deps.onFault),
      open: count,
    }
    waiting.push(...createSequences(owner, info.contextTokens, () => nextId++))
    if (!looping) void loop()
    return ok(undefined)
  }

  /** Ends one choice or all of a request: no further event, no further step. SPEC SC4. */
  function cancel(requestId: string, index: number | null): void {
    for (const sequence of [...running, ...waiting]) {
      if (sequence.owner.request.requestId === requestId && (index === null || index === sequence.index)) sequence.cancelled = true
    }
  }

  async function loop(): Promise<void> {
    looping = true
    try {
      for (sweepAndAdmit(); running.length > 0; sweepAndAdmit()) {
        await step(scheduleRunning())
      }
    } catch (error) {
      failAll(moeError('internal', 'the engine failed; the request was ended', {}))
      deps.onFault(error)
    } finally {
      looping = false
    }
  }

  function sweepAndAdmit(): void {
    for (const sequence of [...running, ...waiting]) if (sequence.cancelled) leave(sequence)
    const admitted = admitCount(waiting.map(pagesNeeded), pages.free, limits.running - running.length)
    for (const sequence of waiting.splice(0, admitted)) {
      sequence.pages = pages.take(pagesNeeded(sequence))!
      sequence.slot = slots.pop()!
      writePageTable(sequence)
      running.push(sequence)
    }
  }

  function scheduleRunning(): Slice[] {
    const known = running.map((s) => ({ id: s.id, length: s.length, known: s.tokens.length }))
    return scheduleStep(known, { tokens: limits.stepTokens, chunk: limits.chunk })
  }

  async function step(slices: readonly Slice[]): Promise<void> {
    const inStep = new Map(running.map((s) => [s.id, s]))
    fillBatch(slices, inStep)
    const done = await forwardStep(memory, trunk, batch, { runExperts, pause: deps.pause, onLogits })
    steps++
    if (!done.ok) return failSlices(slices, inStep, done.error)
    for (const slice of slices) {
      const sequence = inStep.get(slice.sequence)!
      sequence.length += slice.tokens
      if (!sequence.cancelled) settle(sequence)
    }
  }

  function fillBatch(slices: readonly Slice[], sequences: ReadonlyMap<number, Sequence>): void {
    batch.tokens = 0
    batch.logitsOf = []
    batchOwners = []
    for (const slice of slices) {
      const sequence = sequences.get(slice.sequence)!
      for (let position = slice.from; position < slice.from + slice.tokens; position++) {
        const t = batch.tokens++
        batch.ids[t] = sequence.tokens[position]!
        batch.positions[t] = position
        batch.tables[t] = memory.pageTable(sequence.slot)
        batch.pages[t] = pageAddress(sequence, position)
        batchOwners.push(sequence)
        if (wantsLogits(sequence, position)) batch.logitsOf.push(t)
      }
    }
  }

  function onLogits(token: number, logits: Float32Array): void {
    const sequence = batchOwners[token]!
    const { request } = sequence.owner
    const position = batch.positions[token]!
    if (sequence.cancelled) return
    if (position < sequence.promptLength - 1) {
      sequence.promptLogprobs.push(logprobsOf(logits, sequence.tokens[position + 1]!, request.logprobs ?? 0))
      return
    }
    const id = sampleToken(logits, request.sampling, sequence.index % request.n, position + 1)
    sequence.sampled = { id, logprob: request.logprobs === null ? null : logprobsOf(logits, id, request.logprobs) }
  }

  function settle(sequence: Sequence): void {
    const { events, finished } = advance(sequence)
    for (const event of events) sequence.owner.sink.emit(event)
    if (finished) leave(sequence)
  }

  /** Takes a sequence out and frees what it held; the last one of a request ends its stream. */
  function leave(sequence: Sequence): void {
    running = running.filter((s) => s !== sequence)
    waiting = waiting.filter((s) => s !== sequence)
    pages.release(sequence.pages)
    sequence.pages = []
    if (sequence.slot >= 0) slots.push(sequence.slot)
    sequence.slot = -1
    sequence.owner.open--
    if (sequence.owner.open === 0) sequence.owner.sink.end()
  }

  /** A step that failed ends the requests it carried, whole: half an answer is none. SPEC FA2. */
  function failSlices(slices: readonly Slice[], sequences: ReadonlyMap<number, Sequence>, error: MoeError): void {
    const owners = new Set(slices.map((slice) => sequences.get(slice.sequence)!.owner))
    for (const owner of owners) failRequest(owner, error)
  }

  function failAll(error: MoeError): void {
    for (const owner of new Set([...running, ...waiting].map((s) => s.owner))) failRequest(owner, error)
  }

  function failRequest(owner: ActiveRequest, error: MoeError): void {
    owner.sink.emit({ type: 'error', error })
    for (const sequence of [...running, ...waiting]) if (sequence.owner === owner) leave(sequence)
  }

  function writePageTable(sequence: Sequence): void {
    const table = memory.arena.u32(memory.pageTable(sequence.slot), sequence.pages.length)
    table.set(sequence.pages.map((_, i) => pageAddress(sequence, i * KV_PAGE_POSITIONS)))
  }

  /** A position without a page would write into another sequence's memory: a fault of ours. */
  function pageAddress(sequence: Sequence, position: number): number {
    const page = sequence.pages[Math.floor(position / KV_PAGE_POSITIONS)]
    if (page === undefined) throw new Error(`position ${position} has no KV page`)
    return memory.kv + page * memory.budget.kvPageBytes
  }

  function counts() {
    return { running: running.length, waiting: waiting.length, kvPagesUsed: pages.total - pages.free, kvPagesTotal: pages.total, steps }
  }

  return { generate, cancel, counts }
}

export type EngineCore = ReturnType<typeof createEngineCore>
