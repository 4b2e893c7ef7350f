import { createDepartures } from '../../shared/core/departures.ts'
import { createPageTables } from '../../shared/core/page-tables.ts'
import type { StepLimits } from '../../shared/core/scratch.ts'
import type { GenerateRequest, ModelInfo } from '../../shared/protocol/engine-api.ts'
import { fail, moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { checkRequest, excessSequences } from './admission.ts'
import type { EngineMemory } from './engine-memory.ts'
import type { ExpertHosts } from './expert-hosts.ts'
import { createExpertRunner } from './expert-runner.ts'
import { guardSink } from './event-sink.ts'
import type { EventSink } from './event-sink.ts'
import { createGrammarGuide } from './grammar-guide.ts'
import type { GuideDeps } from './grammar-guide.ts'
import { createLane } from './lane.ts'
import type { Lane } from './lane.ts'
import { createObserver } from './observer.ts'
import { createRunQueue } from './run-queue.ts'
import type { StepSlice } from './run-queue.ts'
import { advance, createSequences, recall } from './sequence.ts'
import type { ActiveRequest, Sequence } from './sequence.ts'
import { resolveTrunk } from './trunk-weights.ts'

export interface EngineDeps {
  /** A view of the engine's memory for each lane. Loaded: the trunk is in place. */
  readonly lanes: readonly EngineMemory[]
  readonly info: ModelInfo
  readonly limits: StepLimits
  /** Whether equal prefixes share their KV pages. Never changes bits. */
  readonly prefixCache: boolean
  /** Where the routed experts are. */
  readonly hosts: ExpertHosts
  /** The way to the grammar worker. */
  readonly grammar: Omit<GuideDeps, 'vocab'>
  /** Asked after every layer: what to wait for, so that the thread sees its sockets; null where it is not time yet (docs/design/engine.md). */
  pause(): Promise<void> | null
  nowMs(): number
  /** Told of a fault of ours; the sequences it hit were ended with `internal`. */
  onFault(error: unknown): void
}

/**
 * The engine without its platform: continuous batching over one model. Lanes run steps at the same time, each at its own layer, on sequences of
 * its own: while one waits for a host, another computes. A turn is sweep → admit → schedule → forward → settle; the end of a step begins the
 * next. A sequence with a grammar takes part without its mask: one that is late costs that sequence a position, nobody else anything.
 * SPEC SC1 to SC5, SC8 to SC10, GR5 to GR8.
 */
export function createEngineCore(deps: EngineDeps) {
  const { info, limits } = deps
  const memory = deps.lanes[0]!
  const tables = createPageTables(memory.budget.kvPages, { prefixCache: deps.prefixCache })
  const queue = createRunQueue(tables, limits)
  const trunk = resolveTrunk(memory)
  const lanes = deps.lanes.map((view) => createLane(view, trunk, createExpertRunner(view, deps.hosts), deps.pause))
  const departures = createDepartures(deps.nowMs)
  const observer = createObserver(deps.nowMs)
  let nextId = 0
  /** Resumed sequences are older than all others: they were admitted before the reset. */
  let nextResumedId = Number.MIN_SAFE_INTEGER
  let steps = 0
  let generatedTokens = 0

  /** Queues a request; its events go to `sink` from the next step on. */
  function generate(request: GenerateRequest, sink: EventSink): Result<void, MoeError> {
    const checked = checkRequest(request, info)
    if (!checked.ok) return checked
    const count = request.prompts.length * request.n
    const { waiting } = queue.counts()
    const excess = excessSequences(request, { sequences: waiting, tokens: queue.waitingTokens() })
    if (excess > 0) return refuse(waiting, excess)
    const owner = activate(request, sink, count)
    const sequences = createSequences(owner, info.contextTokens, () => nextId++, tables.open)
    observer.taken(sequences)
    enqueue(sequences)
    return ok(undefined)
  }

  /**
   * Goes on with a request of before a reset, ahead of all that were not resumed, however many wait. SPEC JR5.
   * @param known of each choice the tokens that are not generated again, fewer than it may have; null for a choice that is over. One is not.
   */
  function resume(request: GenerateRequest, known: readonly (readonly number[] | null)[], sink: EventSink): Result<void, MoeError> {
    const checked = checkRequest(request, info)
    if (!checked.ok) return checked
    const owner = activate(request, sink, known.filter((tokens) => tokens !== null).length)
    const sequences = createSequences(owner, info.contextTokens, () => nextResumedId++, tables.open).filter(({ index }) => known[index] !== null)
    for (const sequence of sequences) recall(sequence, known[sequence.index]!)
    observer.resumed(sequences)
    enqueue(sequences)
    return ok(undefined)
  }

  function activate(request: GenerateRequest, sink: EventSink, open: number): ActiveRequest {
    const guarded = guardSink(sink, () => cancel(request.requestId, null), deps.onFault)
    return { request, stopTokens: new Set(request.stopTokens), sink: guarded, open }
  }

  function enqueue(sequences: readonly Sequence[]): void {
    if (queue.all().length === 0) departures.begin()
    queue.add(sequences)
    startSteps()
  }

  function refuse(waiting: number, tooMany: number): Result<void, MoeError> {
    observer.refused()
    return fail('overloaded', `${waiting} sequences wait already`, { retryAfterS: departures.secondsFor(tooMany) })
  }

  /** Ends one choice or all of a request: no further event, no further step. SPEC SC4. */
  function cancel(requestId: string, index: number | null): void {
    for (const sequence of queue.all()) {
      if (sequence.owner.request.requestId !== requestId || (index !== null && index !== sequence.index)) continue
      sequence.cancelled = true
      observer.ends(sequence, index === null ? 'abort' : 'stop') // one choice: it met a stop string
    }
    if (!lanes.some((lane) => lane.busy)) startSteps() // else the next end of a step lets it go
  }

  /** Gives every idle lane a step, as long as there is something to do. */
  function startSteps(): void {
    try {
      for (const sequence of queue.all()) if (sequence.cancelled && !sequence.inStep) leave(sequence)
      const idle = lanes.filter((lane) => !lane.busy)
      for (const [i, lane] of idle.entries()) {
        const slices = queue.nextStep(idle.length - i)
        if (slices.length === 0) return
        for (const { sequence } of slices) guide(sequence)
        void runStep(lane, slices)
      }
    } catch (error) {
      failAll(error)
    }
  }

  /** From its first step on, so that the mask is there when its prompt is computed. */
  function guide(sequence: Sequence): void {
    const { grammar } = sequence.owner.request
    if (grammar === null || sequence.guide !== null || sequence.maxNew === 0) return
    sequence.guide = createGrammarGuide(grammar, sequence, { ...deps.grammar, vocab: info.vocab }, () => guided(sequence))
  }

  /** A mask has come, or none will. */
  function guided(sequence: Sequence): void {
    if (sequence.cancelled) return
    const error = sequence.guide?.error ?? null
    if (error !== null) failRequest(sequence.owner, error)
    else if (!sequence.held) return
    sequence.held = false
    startSteps()
  }

  async function runStep(lane: Lane, slices: readonly StepSlice[]): Promise<void> {
    lane.busy = true
    observer.stepBegins(slices)
    try {
      const done = await lane.run(slices)
      steps++
      for (const { sequence } of slices) sequence.inStep = false
      if (done.ok) settleSlices(slices)
      else failSlices(slices, done.error)
    } catch (fault) {
      for (const { sequence } of slices) sequence.inStep = false
      failAll(fault)
    } finally {
      lane.busy = false
    }
    startSteps()
  }

  function settleSlices(slices: readonly StepSlice[]): void {
    for (const { sequence, tokens } of slices) {
      sequence.length += sequence.unsampled ? tokens - 1 : tokens
      sequence.held = sequence.unsampled && sequence.guide?.mask === null
      sequence.unsampled = false
      if (sequence.cancelled) continue // perhaps by a fault: then its pages are not to be trusted
      tables.publish(sequence.table, sequence.tokens, sequence.length)
      settle(sequence)
    }
  }

  function settle(sequence: Sequence): void {
    observer.stepDone(sequence)
    const known = sequence.tokens.length
    const { events, finished } = advance(sequence)
    if (!finished && sequence.tokens.length > known) sequence.guide?.follow()
    for (const event of events) {
      if (sequence.cancelled) break // an event may be the reason
      if (event.type === 'token') generatedTokens++
      observer.told(sequence, event)
      sequence.owner.sink.emit(event)
    }
    if (finished) leave(sequence)
  }

  /** Takes a sequence out; the last one of a request ends its stream. */
  function leave(sequence: Sequence): void {
    if (!sequence.cancelled) departures.note()
    queue.remove(sequence)
    sequence.guide?.close()
    observer.left(sequence)
    sequence.owner.open--
    if (sequence.owner.open === 0) sequence.owner.sink.end()
  }

  /** A step that failed ends the requests it carried, whole: half an answer is none. SPEC FA2. */
  function failSlices(slices: readonly StepSlice[], error: MoeError): void {
    for (const owner of new Set(slices.flatMap(({ sequence }) => (sequence.cancelled ? [] : [sequence.owner])))) failRequest(owner, error)
  }

  /** A fault of ours: nobody knows what it spoiled. Never throws: a lane must go on. SPEC FA3. */
  function failAll(fault: unknown): void {
    deps.onFault(fault)
    const error = moeError('internal', 'the engine failed; the request was ended', {})
    tables.forget()
    for (const owner of new Set(queue.all().flatMap((s) => (s.cancelled ? [] : [s.owner])))) {
      try {
        failRequest(owner, error)
      } catch (another) {
        deps.onFault(another)
      }
    }
  }

  /** What another lane has of the request leaves when its step ends. */
  function failRequest(owner: ActiveRequest, error: MoeError): void {
    owner.sink.emit({ type: 'error', error })
    for (const sequence of queue.all()) {
      if (sequence.owner !== owner) continue
      sequence.cancelled = true
      observer.ends(sequence, 'error')
      if (!sequence.inStep) leave(sequence)
    }
  }

  function counts() {
    return { ...queue.counts(), kvPagesUsed: tables.held, kvPagesCached: tables.cached, kvPagesTotal: tables.total, steps, generatedTokens }
  }

  /** What became of requests since it was asked last. */
  const takeWork = () => observer.take(queue.counts().preemptions)

  return { generate, resume, cancel, counts, takeWork }
}

export type EngineCore = ReturnType<typeof createEngineCore>
