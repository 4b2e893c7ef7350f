import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { reveal } from '../model/special-text.ts'
import type { ShieldedText } from '../model/special-text.ts'
import type { TextCodec } from '../model/text-codec.ts'
import type { PromptInput } from '../schemas/completion-request.ts'

/** One prompt: its ids, and the text that they were made of; null if it came as ids. */
export interface Prompt {
  readonly ids: readonly number[]
  readonly text: string | null
}

/** Prompts of a completion as ids. `newTokens`: how many positions must be left behind each, 0 or 1. SPEC AP3. */
export async function encodePrompts(
  deps: Pick<GatewayDeps, 'nextTurn'>,
  model: LoadedModel,
  input: PromptInput,
  newTokens: 0 | 1,
): Promise<Result<Prompt[], MoeError>> {
  if (input.kind === 'ids') return allOf(input.ids.map((ids) => readIds(model, ids, newTokens)))
  const codec = codecFor(model, input.texts, 'prompt')
  if (!codec.ok) return codec
  const prompts: Prompt[] = []
  for (const [index, text] of input.texts.entries()) {
    if (index > 0) await deps.nextTurn() // so that other requests wait for one prompt, not for all
    const prompt = checkLength(model, { ids: codec.value.encode(text, true), text }, newTokens, 'prompt')
    if (!prompt.ok) return prompt
    prompts.push(prompt.value)
  }
  return ok(prompts)
}

/**
 * A rendered chat as ids. The template has written all special tokens, so the tokenizer adds none: some models would get two BOS. Those that
 * clients wrote are plain text. SPEC TX8.
 */
export function encodeChat(model: LoadedModel, rendered: ShieldedText): Result<Prompt, MoeError> {
  const text = reveal(rendered.text, rendered.hidden)
  const codec = codecFor(model, [text], 'messages')
  return codec.ok ? checkLength(model, { ids: codec.value.encodeShielded(rendered), text }, 1, 'messages') : codec
}

/** A text as ids, unless its length alone is too much. Errors: `no-tokenizer`, `context-length-exceeded`, `invalid-request`. */
export function encodeText(model: LoadedModel, text: string, addSpecialTokens: boolean, param: string): Result<Prompt, MoeError> {
  const codec = codecFor(model, [text], param)
  return codec.ok ? ok({ ids: codec.value.encode(text, addSpecialTokens), text }) : codec
}

export function requireCodec(model: LoadedModel): Result<TextCodec, MoeError> {
  return model.codec === null ? fail('no-tokenizer', `${model.name} has no tokenizer: it takes and gives token ids only.`, {}) : ok(model.codec)
}

/** The codec for texts that may be encoded. Encoding takes up to 9 µs a character, so what is too long is refused before. */
function codecFor(model: LoadedModel, texts: readonly string[], param: string): Result<TextCodec, MoeError> {
  const codec = requireCodec(model)
  if (!codec.ok) return codec
  const longest = Math.max(...texts.map(({ length }) => length))
  const tokensMin = Math.ceil(longest / codec.value.charsPerTokenMax)
  if (tokensMin > model.contextTokens) return tooLong(model, tokensMin, 'at least ')
  const chars = texts.reduce((sum, { length }) => sum + length, 0)
  if (chars <= LIMITS.promptCharsMax) return codec
  return invalidPrompt(`The texts of a request may have ${LIMITS.promptCharsMax} characters, these have ${chars}: send fewer, or token ids.`, param)
}

function readIds(model: LoadedModel, ids: readonly number[], newTokens: 0 | 1): Result<Prompt, MoeError> {
  if (ids.length > model.contextTokens) return tooLong(model, ids.length)
  const known = checkIds(model, ids, 'prompt')
  return known.ok ? checkLength(model, { ids, text: null }, newTokens, 'prompt') : known
}

/** Refuses ids that the model has no token for. */
export function checkIds(model: LoadedModel, ids: readonly number[], param: string): Result<void, MoeError> {
  return ids.every((id) => id < model.vocab) ? ok(undefined) : invalidPrompt(`Token ids must be below ${model.vocab}.`, param)
}

function checkLength(model: LoadedModel, prompt: Prompt, newTokens: 0 | 1, param: string): Result<Prompt, MoeError> {
  if (prompt.ids.length === 0) return invalidPrompt('The prompt has no tokens.', param)
  if (prompt.ids.length + newTokens > model.contextTokens) return tooLong(model, prompt.ids.length)
  return ok(prompt)
}

/** All values, or the first error. */
function allOf(prompts: readonly Result<Prompt, MoeError>[]): Result<Prompt[], MoeError> {
  const values: Prompt[] = []
  for (const prompt of prompts) {
    if (!prompt.ok) return prompt
    values.push(prompt.value)
  }
  return ok(values)
}

function invalidPrompt(message: string, param: string): { readonly ok: false; readonly error: MoeError } {
  return fail('invalid-request', message, { param, reason: 'invalid_value' })
}

function tooLong(model: LoadedModel, promptTokens: number, bound = ''): { readonly ok: false; readonly error: MoeError } {
  const { contextTokens } = model
  const message = `The model's context is ${contextTokens} tokens with at least one for the answer; the prompt has ${bound}${promptTokens} tokens.`
  return fail('context-length-exceeded', message, { promptTokens, contextTokens })
}
