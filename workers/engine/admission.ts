import { ADJUSTMENT_BOUNDS } from '../../shared/protocol/engine-api.ts'
import type { GenerateRequest, LogitAdjustments, ModelInfo } from '../../shared/protocol/engine-api.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'

/** Whether a request can ever run here. Checked before anything is allocated for it. SPEC AP3. */
export function checkRequest(request: GenerateRequest, info: ModelInfo): Result<void, MoeError> {
  const { requestId, prompts, n, maxTokens, logprobs, sampling, echo } = request
  if (typeof requestId !== 'string' || !Array.isArray(prompts) || !Array.isArray(request.stopTokens))
    return bad(null, 'a request has an id, prompts and stop tokens')
  if (!isWithin(n, 1, LIMITS.nMax)) return bad('n', `n is ${n}, expected 1 to ${LIMITS.nMax}`)
  if (prompts.length < 1 || prompts.length * n > LIMITS.sequencesMax)
    return bad('prompt', `${prompts.length} prompts × ${n} are more than ${LIMITS.sequencesMax} sequences`)
  if (maxTokens !== null && !isWithin(maxTokens, echo ? 0 : 1, Number.MAX_SAFE_INTEGER)) return bad('max_tokens', `max_tokens is ${maxTokens}`)
  if (logprobs !== null && !isWithin(logprobs, 0, LIMITS.logprobsMax)) return bad('logprobs', `logprobs is ${logprobs}, expected 0 to ${LIMITS.logprobsMax}`)
  if (!Object.values(sampling).every(Number.isFinite) || sampling.temperature < 0) return bad('temperature', 'a sampling parameter is out of range')
  const { stopTokens } = request
  if (stopTokens.length > LIMITS.stopTokensMax) return bad('stop_token_ids', `more than ${LIMITS.stopTokensMax} stop tokens`)
  const unknown = stopTokens.find((id) => !isWithin(id, 0, info.vocab - 1))
  if (unknown !== undefined) return notAToken('stop_token_ids', unknown, info)
  const adjusted = checkAdjustments(request.adjustments, info)
  if (!adjusted.ok) return adjusted
  const constrained = checkGrammar(request)
  if (!constrained.ok) return constrained
  for (const prompt of prompts) {
    const checked = checkPrompt(prompt, maxTokens, info)
    if (!checked.ok) return checked
  }
  return ok(undefined)
}

/**
 * How many waiting sequences must go before the request may join them; 0 where it may. Tokens count once for all choices of a prompt. SPEC SC5.
 * @param waiting sequences that wait, and tokens they keep in memory. A request that is alone too large for the bound joins an empty queue.
 */
export function excessSequences({ prompts, n }: GenerateRequest, waiting: { readonly sequences: number; readonly tokens: number }): number {
  const count = prompts.length * n
  const tokens = prompts.reduce((sum, { length }) => sum + length, 0)
  if (waiting.tokens > 0 && waiting.tokens + tokens > LIMITS.waitingTokensMax) return count
  return Math.max(0, waiting.sequences + count - LIMITS.waitingMax)
}

function checkPrompt(prompt: readonly number[], maxTokens: number | null, info: ModelInfo): Result<void, MoeError> {
  const { contextTokens, vocab } = info
  if (!Array.isArray(prompt) || prompt.length === 0) return bad('prompt', 'the prompt is empty')
  const wanted = prompt.length + Math.min(maxTokens ?? 1, 1) // one new token must fit; a longer continuation ends with `length` at the context's end
  if (wanted > contextTokens) {
    const message = `This model's maximum context length is ${contextTokens} tokens, but the prompt has ${prompt.length} and the completion needs room.`
    return fail('context-length-exceeded', message, { promptTokens: prompt.length, contextTokens })
  }
  const wrong = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocab)
  return wrong === undefined ? ok(undefined) : notAToken('prompt', wrong, info)
}

/** SPEC SA7. */
function checkAdjustments(adjustments: LogitAdjustments | null, info: ModelInfo): Result<void, MoeError> {
  if (adjustments === null) return ok(undefined)
  const { presencePenalty, frequencyPenalty, repetitionPenalty, bias, minTokens } = adjustments
  if (!isBetween(presencePenalty, ADJUSTMENT_BOUNDS.presencePenalty)) return bad('presence_penalty', `presence_penalty is ${presencePenalty}`)
  if (!isBetween(frequencyPenalty, ADJUSTMENT_BOUNDS.frequencyPenalty)) return bad('frequency_penalty', `frequency_penalty is ${frequencyPenalty}`)
  if (!isBetween(repetitionPenalty, ADJUSTMENT_BOUNDS.repetitionPenalty)) return bad('repetition_penalty', `repetition_penalty is ${repetitionPenalty}`)
  if (!isWithin(minTokens, 0, Number.MAX_SAFE_INTEGER)) return bad('min_tokens', `min_tokens is ${minTokens}`)
  if (!Array.isArray(bias) || bias.length > LIMITS.logitBiasMax) return bad('logit_bias', `more than ${LIMITS.logitBiasMax} tokens have a bias`)
  const ids = new Set<number>()
  for (const [id, added] of bias) {
    if (!isWithin(id, 0, info.vocab - 1)) return notAToken('logit_bias', id, info)
    if (!isBetween(added, ADJUSTMENT_BOUNDS.bias)) return bad('logit_bias', `the bias of token ${id} is ${added}`)
    ids.add(id)
  }
  return ids.size === bias.length ? ok(undefined) : bad('logit_bias', 'a token has two biases')
}

function notAToken(param: string, id: number, { vocab }: ModelInfo) {
  return bad(param, `token id ${id} is not in the vocabulary of ${vocab}`)
}

function isBetween(value: number, { min, max }: { readonly min: number; readonly max: number }): boolean {
  return typeof value === 'number' && value >= min && value <= max
}

/** A grammar ends with a stop token: without one it would have nothing left to say. Its text is bounded where it is compiled; here only what is kept for it. SPEC GR8. */
function checkGrammar({ grammar, stopTokens }: GenerateRequest): Result<void, MoeError> {
  if (grammar === null) return ok(undefined)
  const text = grammar.kind === 'json-schema' ? grammar.schema : grammar.kind === 'structural-tag' ? grammar.tag : ''
  if (typeof text !== 'string' || text.length > LIMITS.schemaCharsMax) return bad('response_format', `a schema has at most ${LIMITS.schemaCharsMax} characters`)
  return stopTokens.length > 0 ? ok(undefined) : bad('ignore_eos', 'a response format needs the stop token that ends it')
}

/** Also false for what only claims to be a number: arguments come from another isolate. */
function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max
}

function bad(param: string | null, message: string): { readonly ok: false; readonly error: MoeError } {
  return fail('invalid-request', message, { param, reason: 'invalid_value' })
}
