import type { FinishReason, GenerateEvent, GenerateRequest, PrefillTimes, TokenLogprob } from '../../../shared/protocol/engine-api.ts'
import { fail, moeError } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { ChoiceAssembler } from './choice-assembler.ts'
import type { Piece } from './choice-assembler.ts'
import { callEngine } from './engine-call.ts'
import { EngineStream } from './engine-stream.ts'

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
 * Starts a request on the engine.
 * @param signal the client's: when it aborts, the engine's work ends, also while it still waits to be admitted. SPEC AP8.
 */
export async function startGeneration(
  deps: GatewayDeps,
  model: LoadedModel,
  request: GenerateRequest,
  rules: TextRules,
  signal: AbortSignal,
): Promise<Result<Generation, MoeError>> {
  if (rules.stops.length > 0 && model.codec === null) return fail('no-tokenizer', `${model.name} has no tokenizer: it cannot look for stop strings.`, {})
  const cancelEngine = (index: number | null): void => deps.keepAlive(callEngine(deps, () => deps.engine.cancel(request.requestId, index)))
  const events = new EngineStream(deps, model, request)
  let over = false
  /** The engine is told of complete answers, too: until then it keeps what a resumed stream would need. */
  const end = (): void => {
    if (over) return
    over = true
    signal.removeEventListener('abort', end)
    deps.keepAlive(callEngine(deps, () => events.cancel()))
    if (events.begun) cancelEngine(null)
  }
  signal.addEventListener('abort', end)
  const started = await events.start()
  if (!started.ok) {
    end()
    return started
  }
  const choices = request.prompts.flatMap((ids) =>
    Array.from({ length: request.n }, () => new ChoiceAssembler(model.codec, rules.stops, rules.continuesPrompt ? ids : [], rules.special)),
  )
  return ok({ outputs: assembleChoices(deps, events, choices, cancelEngine, end), cancel: end })
}

/** Events to outputs. A choice that met a stop string is ended at the engine; whatever still comes for it is dropped. */
async function* assembleChoices(
  { nowMs }: Pick<GatewayDeps, 'nowMs'>,
  events: EngineStream,
  choices: readonly ChoiceAssembler[],
  cancelChoice: (index: number) => void,
  end: () => void,
): AsyncGenerator<ChoiceOutput, void> {
  const open = new Map(
    [...choices.entries()].map(([index, assembler]) => [index, { assembler, tokens: 0, cachedTokens: 0, times: NO_TIMINGS as PrefillTimes, firstMs: 0 }]),
  )
  try {
    while (open.size > 0) {
      const event = (await events.next()) ?? cancelled()
      if (event.type === 'error') {
        yield event
        return
      }
      const choice = open.get(event.index)
      if (choice === undefined) continue // it met a stop string while this event was on its way
      if (event.type === 'prefilled') {
        choice.cachedTokens = event.cachedTokens
        choice.times = event
        choice.firstMs = nowMs()
      } else if (event.type === 'prompt') {
        yield event
      } else if (event.type === 'finish') {
        open.delete(event.index)
        const { piece, stop } = choice.assembler.finish()
        yield { type: 'piece', index: event.index, ...piece }
        const reason = stop === null ? event.reason : 'stop'
        const { completionTokens, decodeMs, hosts } = event
        const timings = { ...timesOf(choice.times), decodeMs, hosts }
        yield { type: 'finish', index: event.index, reason, stop, completionTokens, cachedTokens: choice.cachedTokens, timings }
      } else {
        choice.tokens++
        const { piece, stop } = choice.assembler.push(event.id, event.logprob)
        yield { type: 'piece', index: event.index, ...piece }
        if (stop === null) continue
        open.delete(event.index)
        events.close(event.index)
        cancelChoice(event.index)
        const timings = { ...timesOf(choice.times), decodeMs: nowMs() - choice.firstMs, hosts: null }
        yield { type: 'finish', index: event.index, reason: 'stop', stop, completionTokens: choice.tokens, cachedTokens: choice.cachedTokens, timings }
      }
    }
  } finally {
    end()
  }
}

function timesOf({ queueMs, prefillMs }: PrefillTimes): PrefillTimes {
  return { queueMs, prefillMs }
}

/** Nobody hears it, but no half answer may look like a whole one. */
function cancelled(): GenerateEvent {
  return { type: 'error', error: moeError('host-unavailable', 'The request was cancelled.', { host: 'engine' }) }
}
