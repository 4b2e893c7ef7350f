import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import type { FinishReason, GenerateEvent, GenerateRequest, TokenLogprob } from '../../shared/protocol/engine-api.ts'
import type { EventSink } from './event-sink.ts'

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
  readonly id: number
  readonly owner: ActiveRequest
  /** Choice index in the request. */
  readonly index: number
  /** The prompt, then what was generated. */
  readonly tokens: number[]
  readonly promptLength: number
  /** New tokens it may generate. */
  readonly maxNew: number
  /** Positions in the KV cache. */
  length: number
  /** Row of the page tables; −1 while waiting. */
  slot: number
  pages: number[]
  cancelled: boolean
  /** Of the prompt's tokens so far, when they are scored; nothing foretells the first. */
  readonly promptLogprobs: TokenLogprob[]
  /** What the step just made; taken by `advance`. */
  sampled: { readonly id: number; readonly logprob: TokenLogprob | null } | null
}

/** The sequences of a request, choice by choice. None grows past `contextTokens`. */
export function createSequences(owner: ActiveRequest, contextTokens: number, nextId: () => number): Sequence[] {
  const { prompts, n, maxTokens } = owner.request
  return prompts.flatMap((prompt, p) =>
    Array.from({ length: n }, (_, i) => ({
      id: nextId(),
      owner,
      index: p * n + i,
      tokens: [...prompt],
      promptLength: prompt.length,
      maxNew: Math.min(maxTokens ?? Infinity, contextTokens - prompt.length),
      length: 0,
      slot: -1,
      pages: [],
      cancelled: false,
      promptLogprobs: [{ id: prompt[0]!, logprob: null, top: [] }],
      sampled: null,
    })),
  )
}

/** KV pages that the whole sequence will need. The last generated token is never fed back. */
export function pagesNeeded(sequence: Sequence): number {
  return Math.ceil((sequence.promptLength + Math.max(0, sequence.maxNew - 1)) / KV_PAGE_POSITIONS)
}

/** Whether the logits after `position` are wanted: to score the prompt's next token, or to sample. */
export function wantsLogits(sequence: Sequence, position: number): boolean {
  if (position < sequence.promptLength - 1) return scoresPrompt(sequence)
  return sequence.maxNew > 0 && position === sequence.tokens.length - 1
}

/** Whether the prompt's own log-probabilities are wanted. */
function scoresPrompt(sequence: Sequence): boolean {
  return sequence.owner.request.echo && sequence.owner.request.logprobs !== null
}

/**
 * Takes what a step made of one sequence: the events, and whether it is finished.
 * Call it once `length` is up to date; while the prompt is not complete there is nothing to say.
 */
export function advance(sequence: Sequence): { readonly events: GenerateEvent[]; readonly finished: boolean } {
  const { index, owner, promptLength } = sequence
  if (sequence.length < promptLength) return { events: [], finished: false }
  const events: GenerateEvent[] = []
  const promptDone = sequence.tokens.length === promptLength
  if (promptDone && scoresPrompt(sequence)) events.push({ type: 'prompt', index, tokens: sequence.promptLogprobs })
  const { sampled } = sequence
  sequence.sampled = null
  if (!sampled) return { events: [...events, finish(sequence, 'length')], finished: true } // nothing was asked for: maxNew is 0
  if (owner.stopTokens.has(sampled.id)) return { events: [...events, finish(sequence, 'stop')], finished: true }
  sequence.tokens.push(sampled.id)
  events.push({ type: 'token', index, id: sampled.id, logprob: sampled.logprob })
  if (sequence.tokens.length - promptLength < sequence.maxNew) return { events, finished: false }
  return { events: [...events, finish(sequence, 'length')], finished: true }
}

function finish(sequence: Sequence, reason: FinishReason): GenerateEvent {
  const { index, promptLength, tokens } = sequence
  return { type: 'finish', index, reason, promptTokens: promptLength, completionTokens: tokens.length - promptLength }
}
