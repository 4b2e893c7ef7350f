import type { EngineApi, GenerateEvent, GenerateRequest } from '../../../shared/protocol/engine-api.ts'
import { fail, moeError } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { callEngine } from './engine-call.ts'
import { EngineEvents } from './engine-events.ts'
import { resumeWaitMs } from './resume-policy.ts'

type Started = Awaited<ReturnType<EngineApi['generate']>>

/** What a stream needs of its surroundings. */
export interface StreamDeps extends Pick<GatewayDeps, 'log' | 'wait'> {
  readonly engine: Pick<EngineApi, 'generate' | 'resume' | 'cancel'>
}

/** What tells that the engine serves the model that the gateway has. */
export type StreamedModel = Pick<LoadedModel, 'name' | 'digest' | 'tier' | 'trunk'>

/**
 * The events of one request, each once, through as many streams of the engine as it takes: one that breaks is resumed where it broke.
 * Never throws. Only what the connection lost is tried again, not what the engine refused. SPEC JR6.
 */
export class EngineStream {
  readonly #deps: StreamDeps
  readonly #model: StreamedModel
  readonly #request: GenerateRequest
  /** As EngineApi.resume has it. */
  readonly #have: (number | null)[]
  #events: EngineEvents | null = null
  #begun = true
  #cancelled = false
  #failed = 0
  #tries = 0

  constructor(deps: StreamDeps, model: StreamedModel, request: GenerateRequest) {
    this.#deps = deps
    this.#model = model
    this.#request = request
    this.#have = Array.from({ length: request.prompts.length * request.n }, () => 0)
  }

  /** False once the engine has refused the request: it holds nothing of it. */
  get begun(): boolean {
    return this.#begun
  }

  /** Opens the first stream. A call that breaks may have begun the request, or not: both are taken up. */
  async start(): Promise<Result<void, MoeError>> {
    const answer = await callEngine(this.#deps, () => this.#deps.engine.generate(this.#request))
    this.#begun = !answer.ok || answer.value.ok
    if (answer.ok) return this.#open(answer.value)
    return answer.error.overloaded ? answer : this.#resume(answer.error)
  }

  /** The next event; null after `cancel`. An error is the last. */
  async next(): Promise<GenerateEvent | null> {
    while (!this.#cancelled) {
      const events = this.#events
      if (events === null) throw new Error('events are asked for before the stream has started')
      const event = await events.next()
      if (this.#cancelled) return null
      if (event !== null && !(events.broken && event.type === 'error')) return this.#note(event)
      const resumed = await this.#resume(event?.type === 'error' ? event.error : lost('The engine ended the stream before the choices were finished.'))
      if (!resumed.ok) return this.#cancelled ? null : { type: 'error', error: resumed.error }
    }
    return null
  }

  /** The choice is over here, whatever the engine still says of it. */
  close(index: number): void {
    this.#have[index] = null
  }

  /** Ends the stream at once, also under a `next` that waits. The engine sees it as a reader that left. */
  async cancel(): Promise<void> {
    this.#cancelled = true
    await this.#events?.cancel()
  }

  #note(event: GenerateEvent): GenerateEvent {
    if (event.type === 'error') return event
    const { index } = event
    const count = this.#have[index] ?? null
    if (count !== null) this.#have[index] = event.type === 'finish' ? null : count + 1
    this.#failed = 0
    return event
  }

  /** @param cause what is said when nothing helps. */
  async #resume(cause: MoeError): Promise<Result<void, MoeError>> {
    for (;;) {
      const waitMs = resumeWaitMs({ failed: this.#failed++, tries: this.#tries++ })
      if (waitMs === null) return err(cause)
      await this.#deps.wait(waitMs)
      if (this.#cancelled) return err(cause)
      const answer = await this.#tryOnce()
      if (!answer.ok) continue // the engine cannot be reached yet
      const opened = await this.#open(answer.value)
      if (opened.ok || this.#cancelled) return opened
      if (!opened.error.retryable || (opened.error.overloaded && this.#have.every((count) => count === 0))) return opened // nothing began: the client may wait
    }
  }

  /** A request of which the engine has no record (it had not begun, or the record was lost or never taken) is given to it anew, with what is received. */
  async #tryOnce(): Promise<Result<Started, MoeError>> {
    const { engine } = this.#deps
    const { requestId } = this.#request
    const answer = await callEngine(this.#deps, () => engine.resume(requestId, this.#have))
    const unknown = answer.ok && !answer.value.ok && answer.value.error.code === 'unknown-request'
    if (!unknown || this.#cancelled) return answer
    return callEngine(this.#deps, () => engine.generate(this.#request, this.#have))
  }

  async #open(started: Started): Promise<Result<void, MoeError>> {
    if (!started.ok) return started
    const { info, stream } = started.value
    const events = new EngineEvents(stream, this.#deps.log)
    const model = this.#model
    const differs = (['digest', 'tier', 'trunk'] as const).find((field) => info[field] !== model[field])
    if (differs) {
      await callEngine(this.#deps, () => events.cancel())
      return fail('hello-mismatch', `The engine serves another ${differs} of ${model.name}.`, { field: differs, want: model[differs], got: info[differs] })
    }
    this.#events = events
    if (this.#cancelled) await callEngine(this.#deps, () => this.#abandon(events)) // the cancel came while the engine began
    return ok(undefined)
  }

  async #abandon(events: EngineEvents): Promise<void> {
    await events.cancel()
    await this.#deps.engine.cancel(this.#request.requestId, null)
  }
}

function lost(message: string): MoeError {
  return moeError('host-unavailable', message, { host: 'engine' })
}
