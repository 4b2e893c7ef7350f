import type { FinishReason, GenerateEvent, GenerateRequest, PrefillTimes, TokenLogprob } from '../../../shared/protocol/engine-api.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { fail, moeError } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { Caller } from '../access/let-in.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { admitRequest } from './admit-request.ts'
import { ChoiceAssembler } from './choice-assembler.ts'
import type { Piece } from './choice-assembler.ts'
import { callEngine } from './engine-call.ts'
import { EngineStream } from './engine-stream.ts'
import { errorEnvelope } from '../http/errors.ts'
import { usedTokens } from './used-tokens.ts'

/** What a generation gives, in order per choice: its prompt's log-probabilities if asked for, pieces, one finish. An error is the last. */
export type ChoiceOutput =
  | { readonly type: 'prompt'; readonly index: number; readonly tokens: readonly TokenLogprob[] }
  | ({ readonly type: 'piece'; readonly index: number } & Piece)
  | ({ readonly type: 'finish'; readonly index: number } & ChoiceFinish)
  | { readonly type: 'error'; readonly error: MoeError }

export interface ChoiceFinish {
  readonly reason: FinishReason
  /** The stop string that ended it, null where another thing did. */
  readonly stop: string | null
  readonly completionTokens: number
  readonly cachedTokens: number
  readonly timings: ChoiceTimings
}

/** How long the parts of a choice took, on the engine's clock. */
export interface ChoiceTimings extends PrefillTimes {
  readonly decodeMs: number
  /** Null where it ended at a stop string: then the engine is not waited for, and `decodeMs` is what the gateway saw. */
  readonly hosts: readonly number[] | null
}

/** Of a choice that has not ended. */
export const NO_TIMINGS: ChoiceTimings = { queueMs: 0, prefillMs: 0, decodeMs: 0, hosts: null }

export interface Generation {
  readonly outputs: AsyncGenerator<ChoiceOutput, void>
  /** Ends the engine's work at once; idempotent. */
  readonly cancel: () => void
}

/** How token ids become text. */
export interface TextRules {
  readonly stops: readonly string[]
  /** The text goes on where the prompt ends (completions), or begins anew (chat). */
  readonly continuesPrompt: boolean
  /** Ids of special tokens that are text all the same: their reader knows what they mean. */
  readonly special?: ReadonlySet<number>
}

/**
 * Starts a request on the engine, once its key's limits allow it. What it used is settled with them when it ends, however it ends.
 * @param caller its signal is the client's: when it aborts, the engine's work ends, also while it still waits to be admitted. SPEC AP8, KY6.
 */
export async function startGeneration(
  deps: GatewayDeps,
  model: LoadedModel,
  request: GenerateRequest,
  rules: TextRules,
  { signal, allowance, record }: Pick<Caller, 'signal' | 'allowance' | 'record'>,
): Promise<Result<Generation, MoeError>> {
  if (rules.stops.length > 0 && model.codec === null) return fail('no-tokenizer', `${model.name} has no tokenizer: it cannot look for stop strings.`, {})
  const choices = request.prompts.flatMap((ids) =>
    Array.from({ length: request.n }, () => newChoice(new ChoiceAssembler(model.codec, rules.stops, rules.continuesPrompt ? ids : [], rules.special))),
  )
  const notes = notesOf(deps, model, request, choices)
  // All that decodes is above: what throws behind this line would leave its slot taken, and renewed for ever.
  const admitted = await admitRequest(deps, model, request, { signal, allowance })
  if (!admitted.ok) return admitted
  const cancelEngine = (index: number | null) => callEngine(deps, () => deps.engine.cancel(request.requestId, index))
  /** The engine hears of choices that met a stop string. */
  let stopping: Promise<unknown> | null = null
  const stopChoice = (index: number): void => {
    stopping = Promise.all([stopping, cancelEngine(index)])
    deps.keepAlive(stopping)
  }
  const events = new EngineStream(deps, model, request)
  let over = false
  /** The engine is told of complete answers, too: until then it keeps what a resumed stream would need. */
  const end = (isWhole: boolean): void => {
    if (over) return
    over = true
    signal.removeEventListener('abort', giveUp)
    admitted.value.settle(usedTokens(request, choices))
    const leave = () => Promise.all([callEngine(deps, () => events.cancel()), events.begun && cancelEngine(null)])
    deps.keepAlive(isWhole && stopping ? stopping.then(leave) : leave()) // in this order: the engine counts why a choice ended
  }
  const giveUp = (): void => end(false)
  signal.addEventListener('abort', giveUp)
  if (signal.aborted) giveUp() // while the limiter was asked: the engine's stream is given up as soon as it opens
  const started = await events.start()
  if (!started.ok) {
    giveUp()
    return started
  }
  record.generation = notes
  const failed = (error: MoeError) => {
    if (!signal.aborted) record.code ??= errorEnvelope(error).error.code
  }
  return ok({ outputs: assembleChoices({ nowMs: deps.nowMs, events, choices, failed, cancelChoice: stopChoice, end }), cancel: giveUp })
}

/** A choice that is being made. */
interface OpenChoice {
  readonly assembler: ChoiceAssembler
  tokens: number
  cachedTokens: number
  times: PrefillTimes
  firstMs: number | null
  reason: FinishReason | null
}

function newChoice(assembler: ChoiceAssembler): OpenChoice {
  return { assembler, tokens: 0, cachedTokens: 0, times: NO_TIMINGS, firstMs: null, reason: null }
}

function notesOf({ requestLog }: Pick<GatewayDeps, 'requestLog'>, model: LoadedModel, { prompts }: GenerateRequest, choices: readonly OpenChoice[]) {
  const text = (ids: readonly number[]) => (model.codec?.decode(ids) ?? '').slice(0, LIMITS.loggedPromptChars)
  return { model: model.name, promptTokens: prompts.map((ids) => ids.length), choices, prompts: requestLog.logPrompts ? prompts.map(text) : null }
}

interface Assembly {
  readonly nowMs: () => number
  readonly events: EngineStream
  readonly choices: readonly OpenChoice[]
  readonly failed: (error: MoeError) => void
  readonly cancelChoice: (index: number) => void
  /** @param isWhole every choice has ended. */
  readonly end: (isWhole: boolean) => void
}

/** Events to outputs. A choice that met a stop string is ended at the engine; whatever still comes for it is dropped. */
async function* assembleChoices({ nowMs, events, choices, failed, cancelChoice, end }: Assembly): AsyncGenerator<ChoiceOutput, void> {
  const open = new Map(choices.entries())
  try {
    while (open.size > 0) {
      const event = (await events.next()) ?? cancelled()
      if (event.type === 'error') {
        failed(event.error)
        yield event
        return
      }
      const { index } = event
      const choice = open.get(index)
      if (choice === undefined) continue // it met a stop string while this event was on its way
      if (event.type === 'prefilled') {
        choice.cachedTokens = event.cachedTokens
        choice.times = event
        choice.firstMs = nowMs()
      } else if (event.type === 'prompt') {
        yield event
      } else if (event.type === 'finish') {
        open.delete(index)
        const { piece, stop } = choice.assembler.finish()
        choice.tokens = event.completionTokens
        choice.reason = stop === null ? event.reason : 'stop'
        yield { type: 'piece', index, ...piece }
        yield finishOf(index, choice, stop, event)
      } else {
        choice.tokens++
        const { piece, stop } = choice.assembler.push(event.id, event.logprob)
        if (stop === null) {
          yield { type: 'piece', index, ...piece }
          continue
        }
        open.delete(index)
        choice.reason = 'stop'
        yield { type: 'piece', index, ...piece }
        events.close(index)
        cancelChoice(index)
        yield finishOf(index, choice, stop, { decodeMs: nowMs() - (choice.firstMs ?? nowMs()), hosts: null })
      }
    }
  } finally {
    end(open.size === 0)
  }
}

function finishOf(index: number, choice: OpenChoice, stop: string | null, { decodeMs, hosts }: Omit<ChoiceTimings, keyof PrefillTimes>): ChoiceOutput {
  const { tokens: completionTokens, cachedTokens, reason, times } = choice
  return { type: 'finish', index, reason: reason ?? 'stop', stop, completionTokens, cachedTokens, timings: { ...timesOf(times), decodeMs, hosts } }
}

function timesOf({ queueMs, prefillMs }: PrefillTimes): PrefillTimes {
  return { queueMs, prefillMs }
}

/** Nobody hears it, but no half answer may look like a whole one. */
function cancelled(): GenerateEvent {
  return { type: 'error', error: moeError('host-unavailable', 'The request was cancelled.', { host: 'engine' }) }
}
