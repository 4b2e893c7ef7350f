import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import type { TextCodec } from '../model/text-codec.ts'
import type { PromptInput } from '../schemas/completion-request.ts'

/** One prompt: its ids, and the text that they were made of; null if it came as ids. */
export interface Prompt {
  readonly ids: readonly number[]
  readonly text: string | null
}

/** Prompts of a completion as ids. `newTokens`: how many positions must be left behind each, 0 or 1. SPEC AP3. */
export function encodePrompts(model: LoadedModel, input: PromptInput, newTokens: 0 | 1): Result<Prompt[], MoeError> {
  const prompts: Prompt[] = []
  const count = input.kind === 'texts' ? input.texts.length : input.ids.length
  for (let index = 0; index < count; index++) {
    const prompt = input.kind === 'texts' ? encodeText(model, input.texts[index] ?? '', true) : readIds(model, input.ids[index] ?? [])
    const checked = prompt.ok ? checkLength(model, prompt.value, newTokens, 'prompt') : prompt
    if (!checked.ok) return checked
    prompts.push(checked.value)
  }
  return ok(prompts)
}

/** A rendered chat as ids. The template has written all special tokens, so the tokenizer adds none: some models would get two BOS. */
export function encodeChat(model: LoadedModel, rendered: string): Result<Prompt, MoeError> {
  const prompt = encodeText(model, rendered, false)
  return prompt.ok ? checkLength(model, prompt.value, 1, 'messages') : prompt
}

/** A text as ids, of any length below the context. Errors: `no-tokenizer`, `context-length-exceeded`. */
export function encodeText(model: LoadedModel, text: string, addSpecialTokens: boolean): Result<Prompt, MoeError> {
  const codec = requireCodec(model)
  if (!codec.ok) return codec
  // Encoding takes up to 9 µs a character, so a text that cannot fit is refused before: it has at least this many tokens.
  const tokensMin = Math.ceil(text.length / codec.value.charsPerTokenMax)
  if (tokensMin > model.contextTokens) return tooLong(model, tokensMin, 'at least ')
  return ok({ ids: codec.value.encode(text, addSpecialTokens), text })
}

export function requireCodec(model: LoadedModel): Result<TextCodec, MoeError> {
  return model.codec === null ? fail('no-tokenizer', `${model.name} has no tokenizer: it takes and gives token ids only.`, {}) : ok(model.codec)
}

function readIds(model: LoadedModel, ids: readonly number[]): Result<Prompt, MoeError> {
  if (ids.length > model.contextTokens) return tooLong(model, ids.length)
  if (ids.some((id) => id >= model.vocab)) return invalidPrompt(`Token ids must be below ${model.vocab}.`, 'prompt')
  return ok({ ids, text: null })
}

function checkLength(model: LoadedModel, prompt: Prompt, newTokens: 0 | 1, param: string): Result<Prompt, MoeError> {
  if (prompt.ids.length === 0) return invalidPrompt('The prompt has no tokens.', param)
  if (prompt.ids.length + newTokens > model.contextTokens) return tooLong(model, prompt.ids.length)
  return ok(prompt)
}

function invalidPrompt(message: string, param: string): { readonly ok: false; readonly error: MoeError } {
  return fail('invalid-request', message, { param, reason: 'invalid_value' })
}

function tooLong(model: LoadedModel, promptTokens: number, bound = ''): { readonly ok: false; readonly error: MoeError } {
  const { contextTokens } = model
  const message = `The model's context is ${contextTokens} tokens with at least one for the answer; the prompt has ${bound}${promptTokens} tokens.`
  return fail('context-length-exceeded', message, { promptTokens, contextTokens })
}
