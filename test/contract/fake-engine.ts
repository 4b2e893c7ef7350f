import { setImmediate as nextTurn } from 'node:timers/promises'
import { ZERO_COUNTS } from '../../shared/protocol/engine-api.ts'
import type {
  EngineApi,
  EngineState,
  EngineStatus,
  FinishReason,
  GenerateEvent,
  GenerateRequest,
  ModelInfo,
  SamplingParams,
  Received,
  TokenLogprob,
} from '../../shared/protocol/engine-api.ts'
import { fail, moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { checkRequest } from '../../workers/engine/admission.ts'

/** Says the next token; an id of the request's stop tokens ends the choice. */
export type TokenSource = (at: { prompt: readonly number[]; choice: number; position: number; sampling: SamplingParams }) => number

export interface FakeEngineOptions {
  readonly info: ModelInfo
  readonly nextToken: TokenSource
  /** Tokens of each prompt that it says it had in its cache; never more than the prompt has before its last. */
  readonly cachedTokens?: number
  /** After this many steps of a request its stream ends with this error. */
  readonly failure?: { readonly afterSteps: number; readonly error: MoeError }
  /** Asked before each step of a request, counted from the beginning of its stream: whether the engine is reset there. */
  readonly resetAt?: (step: number) => boolean
}

/** What it says of each choice. */
export const FAKE_TIMES = { prefill: { queueMs: 3, prefillMs: 20 }, decode: { decodeMs: 500, hosts: [0, 2] } } as const

interface RunningChoice {
  readonly index: number
  readonly prompt: readonly number[]
  tokens: number
}

/** A request that runs: its choices that are not over, and the end of its stream. */
interface RunningRequest {
  readonly choices: Map<number, RunningChoice>
  /** Of each choice the events that its reader has. */
  readonly skip: number[]
  steps: number
}

/**
 * An engine without a model: sequences, limits, streams and cancelling are real, only the tokens come from a script.
 * A step gives each running choice one token and takes a turn of the event loop, as a real step would take time.
 */
export class FakeEngine implements EngineApi {
  readonly #options: FakeEngineOptions
  readonly #running = new Map<string, RunningRequest>()
  /** Requests as they came in. */
  readonly requests: GenerateRequest[] = []
  /** What was asked to be resumed. */
  readonly resumed: Received[] = []
  /** What can be resumed; forgotten when it is cancelled. */
  readonly journal = new Map<string, GenerateRequest>()
  /** What was cancelled: choice indices, null for a whole request. */
  readonly cancelled: (number | null)[] = []
  engineStatus: EngineStatus
  /** What the next generate answers instead of starting. */
  refusal: MoeError | null = null
  #steps = 0

  constructor(options: FakeEngineOptions) {
    this.#options = options
    this.engineStatus = { state: 'ready', info: options.info }
  }

  async status(): Promise<EngineStatus> {
    return this.engineStatus
  }

  async state(): Promise<EngineState> {
    const running = [...this.#running.values()].reduce((sum, request) => sum + request.choices.size, 0)
    const constants = { ...ZERO_COUNTS, isolateId: 'fake', lanes: 1, kernels: 'none', epoch: 1, oldestEpoch: 1, memoryBytes: 0, hosts: [] }
    return { ...constants, status: this.engineStatus, running, steps: this.#steps }
  }

  async generate(
    request: GenerateRequest,
    have: Received = [],
  ): Promise<Result<{ readonly info: ModelInfo; readonly stream: ReadableStream<Uint8Array> }, MoeError>> {
    this.requests.push(request)
    if (this.refusal !== null) return { ok: false, error: this.refusal }
    const checked = checkRequest(request, this.#options.info)
    if (!checked.ok) return checked
    this.journal.set(request.requestId, request)
    return ok({ info: this.#options.info, stream: this.#stream(request, have) })
  }

  async resume(requestId: string, have: Received): ReturnType<EngineApi['resume']> {
    this.resumed.push([...have])
    const request = this.journal.get(requestId)
    if (request === undefined) return fail('unknown-request', 'the engine has no record of the request', {})
    return ok({ info: this.#options.info, stream: this.#stream(request, have) })
  }

  #stream(request: GenerateRequest, have: Received): ReadableStream<Uint8Array> {
    const prompts = request.prompts.flatMap((prompt) => Array.from({ length: request.n }, () => prompt))
    const choices = new Map(prompts.map((prompt, index) => [index, { index, prompt, tokens: 0 }]))
    for (const [index, count] of have.entries()) if (count === null) choices.delete(index)
    const running: RunningRequest = { choices, skip: have.map((count) => count ?? 0), steps: 0 }
    this.#running.set(request.requestId, running)
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          await nextTurn()
          if (this.#options.resetAt?.(running.steps) === true) {
            this.#running.delete(request.requestId)
            throw new Error('the engine was reset')
          }
          const events = this.#step(request, running).filter((event) => event.type === 'error' || !this.#isReceived(running, event.index))
          const failed = events.at(-1)?.type === 'error'
          if (this.#running.has(request.requestId)) controller.enqueue(new TextEncoder().encode(events.map((event) => `${JSON.stringify(event)}\n`).join('')))
          if (failed || choices.size === 0) {
            this.#running.delete(request.requestId)
            controller.close()
          }
        },
        cancel: () => this.#end(request.requestId, null), // its request can still be resumed
      },
      { highWaterMark: 0 },
    )
  }

  #isReceived({ skip }: RunningRequest, index: number): boolean {
    const left = skip[index] ?? 0
    if (left > 0) skip[index] = left - 1
    return left > 0
  }

  async cancel(requestId: string, index: number | null): Promise<void> {
    if (index === null) this.journal.delete(requestId)
    this.#end(requestId, index)
  }

  #end(requestId: string, index: number | null): void {
    const request = this.#running.get(requestId)
    if (request === undefined) return
    this.cancelled.push(index)
    if (index === null) {
      request.choices.clear()
      this.#running.delete(requestId)
    } else {
      request.choices.delete(index)
    }
  }

  /** The prompt's log-probabilities first, then a token of each choice. */
  #step(request: GenerateRequest, running: RunningRequest): GenerateEvent[] {
    this.#steps++
    running.steps++
    const { failure } = this.#options
    if (failure !== undefined && running.steps > failure.afterSteps) return [{ type: 'error', error: failure.error }]
    const events: GenerateEvent[] = []
    for (const choice of running.choices.values()) {
      if (running.steps === 1) {
        const cachedTokens = Math.min(this.#options.cachedTokens ?? 0, choice.prompt.length - 1)
        events.push({ type: 'prefilled', index: choice.index, cachedTokens, ...FAKE_TIMES.prefill })
      }
      if (running.steps === 1 && request.echo && request.logprobs !== null) {
        const tokens = choice.prompt.map((id, position) => this.#logprob(request, id, position === 0))
        events.push({ type: 'prompt', index: choice.index, tokens })
      }
      events.push(this.#next(request, running, choice))
    }
    return events
  }

  #next(request: GenerateRequest, running: RunningRequest, choice: RunningChoice): GenerateEvent {
    const room = this.#options.info.contextTokens - choice.prompt.length
    if (choice.tokens === Math.min(request.maxTokens ?? room, room)) return finish(running, choice, 'length')
    const at = { prompt: choice.prompt, choice: choice.index % request.n, position: choice.tokens, sampling: request.sampling }
    const id = this.#options.nextToken(at)
    if (request.stopTokens.includes(id)) return finish(running, choice, 'stop')
    choice.tokens++
    return { type: 'token', index: choice.index, id, logprob: request.logprobs === null ? null : this.#logprob(request, id, false) }
  }

  /** −0.5 for the token, one less for each of its neighbours. */
  #logprob(request: GenerateRequest, id: number, first: boolean): TokenLogprob {
    if (first) return { id, logprob: null, top: [] }
    const top = Array.from({ length: request.logprobs ?? 0 }, (_, rank) => [(id + rank) % this.#options.info.vocab, -0.5 - rank] as const)
    return { id, logprob: -0.5, top }
  }
}

function finish(running: RunningRequest, choice: RunningChoice, reason: FinishReason): GenerateEvent {
  running.choices.delete(choice.index)
  return { type: 'finish', index: choice.index, reason, promptTokens: choice.prompt.length, completionTokens: choice.tokens, ...FAKE_TIMES.decode }
}

/** Gives these ids, then ends the choice with `eos`. */
export function scripted(ids: readonly number[], eos: number): TokenSource {
  return ({ position }) => ids[position] ?? eos
}

/** Unending tokens of text that depend on the prompt, and above temperature 0 on seed and choice too. */
export function hashed(vocab: number): TokenSource {
  return ({ prompt, choice, position, sampling }) => {
    const seed = sampling.temperature === 0 ? 0 : sampling.seed + choice * 7919
    const mixed = [...prompt, seed, position].reduce((hash, part) => Math.imul(hash ^ part, 0x01000193) >>> 0, 0x811c9dc5)
    return 4 + ((mixed >>> 8) % (vocab - 4))
  }
}

export const HOST_LOST = moeError('host-unavailable', 'expert-03 does not answer.', { host: 'expert-03' })
