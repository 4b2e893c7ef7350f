import type { GenerateEvent, GenerateRequest, ModelInfo, Received } from '../../shared/protocol/engine-api.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { EngineCore } from './engine-core.ts'
import type { EventSink } from './event-sink.ts'
import type { Journal, JournalRun } from './journal.ts'
import { planResumption } from './resumption.ts'

/** A stream of a request that the engine has taken. */
export interface StreamedRequest {
  /** The stream's reader is gone: its work ends, but the request can be resumed for a while. */
  abandon(): void
}

/** The engine core with a memory: what it generates is journaled, and what a reset interrupted can be resumed. SPEC JR1 to JR5. */
export function createJournaledCore(core: EngineCore, journal: Journal, info: ModelInfo) {
  /** The latest stream of each request. */
  const streams = new Map<string, StreamedRequest>()

  function generate(request: GenerateRequest, sink: EventSink): Result<StreamedRequest, MoeError> {
    if (streams.has(request.requestId)) core.cancel(request.requestId, null) // its caller lost the first answer and asks again
    const journaled = openStream(request, sink, { positions: [], skip: [] })
    const taken = core.generate(request, journaled.sink)
    if (!taken.ok) return taken
    journaled.begin(journal.admit(request)) // the first event is at least a step away
    return ok(journaled.stream)
  }

  function resume(requestId: string, have: Received, sink: EventSink): Result<StreamedRequest, MoeError> {
    const found = journal.resume(requestId)
    if (found === null) return fail('unknown-request', 'the engine has no record of the request', {})
    const { request, ids, run } = found
    const plan = planResumption(request, ids, have, info.contextTokens)
    if (!plan.ok) return plan
    core.cancel(requestId, null) // what an earlier stream may still run
    const journaled = openStream(request, sink, { positions: plan.value.known.map((tokens) => tokens?.length ?? 0), skip: plan.value.skip })
    journaled.begin(run)
    if (plan.value.known.every((tokens) => tokens === null)) {
      journaled.sink.end()
      return ok(journaled.stream)
    }
    const taken = core.resume(request, plan.value.known, journaled.sink)
    return taken.ok ? ok(journaled.stream) : taken
  }

  /** Ends one choice, or all: then the request is forgotten, too. */
  function cancel(requestId: string, index: number | null): void {
    core.cancel(requestId, index)
    if (index !== null) return
    streams.delete(requestId)
    journal.forget(requestId)
  }

  /**
   * Between the core and a sink: notes tokens, and leaves out what the reader has.
   * @param from of each choice the position of the next token, and how many events are not passed on; none where the lists are empty.
   */
  function openStream({ requestId }: GenerateRequest, sink: EventSink, from: { readonly positions: readonly number[]; readonly skip: readonly number[] }) {
    const positions = [...from.positions]
    const skip = [...from.skip]
    let run: JournalRun | null = null
    const isLatest = (): boolean => streams.get(requestId) === stream

    function emit(event: GenerateEvent): void {
      if (event.type === 'error') {
        if (isLatest()) journal.forget(requestId)
        return sink.emit(event)
      }
      const { index } = event
      if (event.type === 'token') {
        const position = positions[index] ?? 0
        positions[index] = position + 1
        run?.token(index, position, event.id)
      }
      const left = skip[index] ?? 0
      if (left === 0) return sink.emit(event)
      skip[index] = left - 1
    }
    function end(): void {
      leave()
      sink.end()
    }
    function leave(): void {
      run?.detach()
      if (isLatest()) streams.delete(requestId)
    }
    const stream: StreamedRequest = {
      abandon() {
        if (isLatest()) core.cancel(requestId, null) // a stream that was taken over has nothing left to end
        leave()
      },
    }
    function begin(journalRun: JournalRun | null): void {
      run = journalRun
      streams.set(requestId, stream)
    }
    return { sink: { emit, end }, stream, begin }
  }

  return { generate, resume, cancel }
}
