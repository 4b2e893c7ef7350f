import type { FinishReason, GenerateEvent, GenerateRequest, TokenLogprob } from '../../../shared/protocol/engine-api.ts'
import { fail, moeError } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { ChoiceAssembler } from './choice-assembler.ts'
import type { Piece } from './choice-assembler.ts'
import { callEngine } from './engine-call.ts'
import { EngineEvents } from './engine-events.ts'

/** What a generation gives, in order per choice: its prompt's log-probabilities if asked for, pieces, one finish. An error is the last. */
export type ChoiceOutput =
  | { readonly type: 'prompt'; readonly index: number; readonly tokens: readonly TokenLogprob[] }
  | ({ readonly type: 'piece'; readonly index: number } & Piece)
  | { readonly type: 'finish'; readonly index: number; readonly reason: FinishReason; readonly completionTokens: number; readonly cachedTokens: number }
  | { readonly type: 'error'; readonly error: MoeError }

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
  let events: EngineEvents | null = null
  let over = false
  const end = (complete: boolean): void => {
    if (over) return
    over = true
    signal.removeEventListener('abort', abort)
    if (events !== null) deps.keepAlive(cancelStream(deps, events))
    if (!complete) cancelEngine(null)
  }
  const abort = (): void => end(false)
  signal.addEventListener('abort', abort)
  const answer = await callEngine(deps, () => deps.engine.generate(request))
  if (!answer.ok) {
    end(false) // the call broke: the engine may have begun, and nobody would read what it makes
    return answer
  }
  const started = answer.value
  if (!started.ok) {
    end(true)
    return started
  }
  const { info, stream } = started.value
  events = new EngineEvents(stream, deps.log)
  if (signal.aborted) {
    over = false // the client left before there was a stream to end: it is ended now
    end(false)
  }
  const differs = (['digest', 'trunk'] as const).find((field) => info[field] !== model[field])
  if (differs) {
    end(false)
    return fail('hello-mismatch', `The engine serves another ${differs} of ${model.name}.`, { field: differs, want: model[differs], got: info[differs] })
  }
  const choices = request.prompts.flatMap((ids) =>
    Array.from({ length: request.n }, () => new ChoiceAssembler(model.codec, rules.stops, rules.continuesPrompt ? ids : [])),
  )
  return ok({ outputs: assembleChoices(events, choices, cancelEngine, end), cancel: abort })
}

/** Events to outputs. A choice that met a stop string is ended at the engine; whatever still comes for it is dropped. */
async function* assembleChoices(
  events: EngineEvents,
  choices: readonly ChoiceAssembler[],
  cancelChoice: (index: number) => void,
  end: (complete: boolean) => void,
): AsyncGenerator<ChoiceOutput, void> {
  const open = new Map([...choices.entries()].map(([index, assembler]) => [index, { assembler, tokens: 0, cachedTokens: 0 }]))
  try {
    while (open.size > 0) {
      const event = (await events.next()) ?? lostEngine()
      if (event.type === 'error') {
        yield event
        return
      }
      const choice = open.get(event.index)
      if (choice === undefined) continue // it met a stop string while this event was on its way
      if (event.type === 'prefilled') {
        choice.cachedTokens = event.cachedTokens
      } else if (event.type === 'prompt') {
        yield event
      } else if (event.type === 'finish') {
        open.delete(event.index)
        const { piece, stopped } = choice.assembler.finish()
        yield { type: 'piece', index: event.index, ...piece }
        yield finishOf(event.index, stopped ? 'stop' : event.reason, event.completionTokens, choice.cachedTokens)
      } else {
        choice.tokens++
        const { piece, stopped } = choice.assembler.push(event.id, event.logprob)
        yield { type: 'piece', index: event.index, ...piece }
        if (!stopped) continue
        open.delete(event.index)
        cancelChoice(event.index)
        yield finishOf(event.index, 'stop', choice.tokens, choice.cachedTokens)
      }
    }
  } finally {
    end(open.size === 0)
  }
}

function finishOf(index: number, reason: FinishReason, completionTokens: number, cachedTokens: number): ChoiceOutput {
  return { type: 'finish', index, reason, completionTokens, cachedTokens }
}

/** A stream that breaks while it is cancelled has ended too; the log says so. */
function cancelStream(deps: GatewayDeps, events: EngineEvents): Promise<Result<void, MoeError>> {
  return callEngine(deps, () => events.cancel())
}

function lostEngine(): GenerateEvent {
  return { type: 'error', error: moeError('host-unavailable', 'The engine ended the stream before the choices were finished.', { host: 'engine' }) }
}
