import type { GenerateEvent, GenerateRequest, ModelInfo, Received } from '../../shared/protocol/engine-api.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { checkRequest } from './admission.ts'
import type { EngineCore } from './engine-core.ts'
import type { EventSink } from './event-sink.ts'
import type { Journal, JournalRun } from './journal.ts'
import { planResumption } from './resumption.ts'

/** A stream of a request that the engine has taken. */
export interface StreamedRequest {
  /** The stream's reader is gone: its work ends, but the request can be resumed for a while. */
  abandon(): void
}

/** A request that had begun: tokens of each choice that are on record, and the way to go on with the record, null where there is none. */
interface Begun {
  readonly request: GenerateRequest
  readonly ids: readonly (readonly number[])[]
  attach(): JournalRun | null
}

const DONE = ok(undefined)

/** The engine core with a memory: what it generates is journaled, and what a reset interrupted can be resumed. SPEC JR1 to JR5. */
export function createJournaledCore(core: EngineCore, journal: Journal, info: ModelInfo) {
  /** The latest stream of each request. */
  const streams = new Map<string, StreamedRequest>()

  /** @param have where the request began elsewhere and no record of it is left: it is made anew, and what its reader has is not told. */
  function generate(request: GenerateRequest, sink: EventSink, have: Received = []): Result<StreamedRequest, MoeError> {
    if (have.some((count) => count !== 0)) {
      const checked = checkRequest(request, info) // before its choices are counted
      return checked.ok ? goOn({ request, ids: noTokens(request), attach: () => journal.admit(request) }, have, sink) : checked
    }
    if (streams.has(request.requestId)) core.cancel(request.requestId, null) // its caller lost the first answer and asks again
    const journaled = openStream(request, sink, { positions: [], skip: [] })
    const taken = core.generate(request, journaled.sink)
    if (!taken.ok) return taken
    journaled.begin(journal.admit(request)) // the first event is at least a step away
    return ok(journaled.stream)
  }

  function resume(requestId: string, have: Received, sink: EventSink): Result<StreamedRequest, MoeError> {
    const found = journal.find(requestId)
    if (found === null) return fail('unknown-request', 'the engine has no record of the request', {})
    return goOn(found, have, sink)
  }

  function goOn({ request, ids, attach }: Begun, have: Received, sink: EventSink): Result<StreamedRequest, MoeError> {
    const plan = planResumption(request, ids, have, info.contextTokens)
    if (!plan.ok) return plan
    const { known, skip } = plan.value
    core.cancel(request.requestId, null) // what an earlier stream may still run
    const journaled = openStream(request, sink, { positions: known.map((tokens) => tokens?.length ?? 0), skip })
    const isOver = known.every((tokens) => tokens === null)
    const taken = isOver ? DONE : core.resume(request, known, journaled.sink)
    if (!taken.ok) return taken
    journaled.begin(attach()) // the first event is at least a step away
    if (isOver) journaled.sink.end()
    return ok(journaled.stream)
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

function noTokens({ prompts, n }: GenerateRequest): number[][] {
  return Array.from({ length: prompts.length * n }, () => [])
}
