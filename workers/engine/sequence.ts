import { distinctIds, TokenTally } from '../../shared/core/logit-adjustments.ts'
import type { PageTable } from '../../shared/core/page-tables.ts'
import type { FinishReason, GenerateEvent, GenerateRequest, PrefillTimes, TokenLogprob } from '../../shared/protocol/engine-api.ts'
import type { EventSink } from './event-sink.ts'
import type { GrammarGuide } from './grammar-guide.ts'
import { hostsOf } from './host-set.ts'
import { newSequenceTimes } from './observer.ts'
import type { SequenceTimes } from './observer.ts'

/** One generate call that is not finished: its sequences share a sink. */
export interface ActiveRequest {
  readonly request: GenerateRequest
  readonly stopTokens: ReadonlySet<number>
  readonly sink: EventSink
  /** Sequences that have not finished, waiting ones included. */
  open: number
}

/** One prompt and its continuation. */
export interface Sequence {
  /** Its age: what came earlier has the lower id. */
  readonly id: number
  readonly owner: ActiveRequest
  /** Choice index in the request. */
  readonly index: number
  /** The prompt, then what was generated. Until something is, it is the request's own array: choices share it, however many wait. */
  tokens: readonly number[]
  /** The same array, once it is this sequence's own. */
  ownTokens: number[] | null
  readonly promptLength: number
  /** What penalties count; null where the request has none. */
  readonly tally: TokenTally | null
  /** New tokens it may generate. */
  readonly maxNew: number
  /** Positions in the KV cache; 0 while waiting. */
  length: number
  /** Row of the page tables; −1 while waiting. */
  slot: number
  readonly table: PageTable
  /** A step that is under way has it: nothing else may touch it or its pages. */
  inStep: boolean
  /** When a step last took it. */
  turn: number
  /** It was in the cache and lost its pages: what it finds again is not news. */
  preempted: boolean
  /** Positions of the prompt that were read from the prefix cache instead of computed. */
  cachedTokens: number
  cancelled: boolean
  /** Follows its grammar from its first step on; null without one. */
  guide: GrammarGuide | null
  /** The step that has it wanted its next token, and the mask was not there: its last position is computed again. */
  unsampled: boolean
  /** It is in no step until its mask has come. */
  held: boolean
  /** The observer's. */
  readonly times: SequenceTimes
  /** Of the prompt's tokens so far, when they are scored; nothing foretells the first. Kept through a preemption. */
  readonly promptLogprobs: TokenLogprob[]
  /** What the step just made; taken by `advance`. */
  sampled: { readonly id: number; readonly logprob: TokenLogprob | null } | null
}

/** New tokens that a continuation of the prompt may have: none grows past `contextTokens`. */
export function maxNewTokens({ maxTokens }: GenerateRequest, prompt: readonly number[], contextTokens: number): number {
  return Math.min(maxTokens ?? Infinity, contextTokens - prompt.length)
}

/** The sequences of a request, choice by choice. */
export function createSequences(owner: ActiveRequest, contextTokens: number, nextId: () => number, openTable: () => PageTable): Sequence[] {
  const { prompts, n, adjustments } = owner.request
  return prompts.flatMap((prompt, p) => {
    const promptIds = distinctIds(prompt)
    return Array.from({ length: n }, (_, i) => ({
      id: nextId(),
      owner,
      index: p * n + i,
      tokens: prompt,
      ownTokens: null,
      promptLength: prompt.length,
      tally: adjustments && new TokenTally(promptIds, prompt.length),
      maxNew: maxNewTokens(owner.request, prompt, contextTokens),
      length: 0,
      slot: -1,
      table: openTable(),
      inStep: false,
      turn: 0,
      preempted: false,
      cachedTokens: 0,
      cancelled: false,
      guide: null,
      unsampled: false,
      held: false,
      times: newSequenceTimes(),
      promptLogprobs: [{ id: prompt[0]!, logprob: null, top: [] }],
      sampled: null,
    }))
  })
}

/**
 * The first position that a step must compute, whatever the prefix cache holds: its logits score the prompt's next token, or make the next one.
 * What was scored before a preemption is not scored again.
 */
export function firstNeeded(sequence: Sequence): number {
  const { promptLogprobs, promptLength, tokens } = sequence
  return scoresPrompt(sequence) && promptLogprobs.length < promptLength ? promptLogprobs.length - 1 : tokens.length - 1
}

/** Whether the logits after `position` are wanted: to score the prompt's next token, or to sample. */
export function wantsLogits(sequence: Sequence, position: number): boolean {
  if (position < sequence.promptLength - 1) return scoresPrompt(sequence) && position >= firstNeeded(sequence)
  return sequence.maxNew > 0 && position === sequence.tokens.length - 1
}

/** Whether the prompt's own log-probabilities are wanted. Whoever has a token of the continuation was told them before it. */
function scoresPrompt({ owner, tokens, promptLength }: Sequence): boolean {
  return owner.request.echo && owner.request.logprobs !== null && tokens.length === promptLength
}

/**
 * Takes what a step made of one sequence: the events, and whether it is finished.
 * Call it once `length` is up to date; while known tokens are not in the cache (the prompt, after a preemption the continuation too) there is nothing to say.
 */
export function advance(sequence: Sequence): { readonly events: GenerateEvent[]; readonly finished: boolean } {
  const { index, owner, promptLength } = sequence
  if (sequence.length < sequence.tokens.length) return { events: [], finished: false }
  const events: GenerateEvent[] = []
  const promptDone = sequence.tokens.length === promptLength
  if (promptDone) events.push({ type: 'prefilled', index, cachedTokens: sequence.cachedTokens, ...prefillTimes(sequence) })
  if (promptDone && scoresPrompt(sequence)) events.push({ type: 'prompt', index, tokens: sequence.promptLogprobs })
  const { sampled } = sequence
  sequence.sampled = null
  if (!sampled) return { events: [...events, finish(sequence, 'length')], finished: true } // nothing was asked for: maxNew is 0
  if (owner.stopTokens.has(sampled.id)) return { events: [...events, finish(sequence, 'stop')], finished: true }
  append(sequence, sampled.id)
  events.push({ type: 'token', index, id: sampled.id, logprob: sampled.logprob })
  if (sequence.tokens.length - promptLength < sequence.maxNew) return { events, finished: false }
  return { events: [...events, finish(sequence, 'length')], finished: true }
}

/** Gives a new sequence the continuation that it had before a reset: it is computed again as after a preemption, and not told again. */
export function recall(sequence: Sequence, continuation: readonly number[]): void {
  for (const id of continuation) append(sequence, id)
  sequence.preempted = continuation.length > 0
}

/** Adds a token behind those that are known. */
export function append(sequence: Sequence, id: number): void {
  sequence.ownTokens ??= [...sequence.tokens]
  sequence.ownTokens.push(id)
  sequence.tokens = sequence.ownTokens
}

function finish(sequence: Sequence, reason: FinishReason): GenerateEvent {
  const { index, promptLength, tokens, times } = sequence
  const lastMs = reason === 'stop' ? times.tokenMs : times.madeMs // a stop token is none, any other is told with this
  const decode = { decodeMs: Math.max(0, (lastMs ?? 0) - (times.prefilledMs ?? 0)), hosts: hostsOf(times.hosts) }
  return { type: 'finish', index, reason, promptTokens: promptLength, completionTokens: tokens.length - promptLength, ...decode }
}

function prefillTimes({ times: { queuedMs, startedMs, madeMs } }: Sequence): PrefillTimes {
  const beganMs = startedMs ?? madeMs
  return { queueMs: beganMs - queuedMs, prefillMs: madeMs - beganMs }
}
