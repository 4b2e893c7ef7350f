import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { checkStreamOptions, commonFields, ILL_FORMED, neutralOnly, never, whole } from './common-fields.ts'
import type { JsonSchema } from './common-fields.ts'

/** The forms of `prompt`, told apart once. */
export type PromptInput = { readonly kind: 'texts'; readonly texts: readonly string[] } | { readonly kind: 'ids'; readonly ids: readonly (readonly number[])[] }

const idList: JsonSchema = { type: 'array', items: { type: 'integer', minimum: 0 } }
const PROMPT_FORMS: JsonSchema = {
  anyOf: [
    { type: 'string' },
    { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: LIMITS.promptsMax },
    { ...idList, minItems: 1 },
    { type: 'array', items: idList, minItems: 1, maxItems: LIMITS.promptsMax },
  ],
}

/** OpenAI's. */
const BEST_OF_MAX = 20

const prompt = z
  .unknown()
  .transform((value, context): PromptInput => {
    const input = readPrompt(value)
    if (typeof input !== 'string') return input
    context.addIssue({ code: 'custom', message: input })
    return z.NEVER
  })
  .meta({ description: 'A text, texts, token ids, or lists of them.', override: PROMPT_FORMS })

/** POST /v1/completions. */
export const CompletionRequest = z
  .strictObject({
    ...commonFields,
    prompt,
    logprobs: whole(0, LIMITS.logprobsMax).nullish(),
    echo: z.boolean().nullish(),
    best_of: whole(1, BEST_OF_MAX).nullish(),
    suffix: neutralOnly(never),
  })
  .superRefine((request, context) => {
    checkStreamOptions(request, context)
    const n = request.n ?? 1
    const issue = (path: string, message: string, params?: { reason: 'unsupported_parameter' }) =>
      context.addIssue({ code: 'custom', path: [path], message, ...(params && { params }) })
    if (request.max_tokens === 0 && request.echo !== true) issue('max_tokens', 'must be at least 1 without echo')
    if (promptCount(request.prompt) * n > LIMITS.sequencesMax) issue('n', `prompts times n must be at most ${LIMITS.sequencesMax}`)
    if ((request.best_of ?? n) < n) issue('best_of', 'must be at least n')
    if ((request.best_of ?? n) > n) issue('best_of', 'above n is not supported by this server', { reason: 'unsupported_parameter' })
  })
  .meta({ id: 'CompletionRequest' })

export type CompletionRequest = z.output<typeof CompletionRequest>

function promptCount(input: PromptInput): number {
  return input.kind === 'texts' ? input.texts.length : input.ids.length
}

/** By hand and not with a union: a list of two million ids is read in one pass, and the message says what is wrong with it. */
function readPrompt(value: unknown): PromptInput | string {
  if (typeof value === 'string') return readTexts([value])
  if (!Array.isArray(value)) return 'must be a string, a list of strings, a list of token ids or a list of such lists'
  if (value.length === 0) return 'must not be empty'
  if (isIdList(value)) return { kind: 'ids', ids: [value] }
  if (value.length > LIMITS.promptsMax) return `must be at most ${LIMITS.promptsMax} prompts`
  if (value.every((item) => typeof item === 'string')) return readTexts(value)
  if (value.every(isIdList)) return { kind: 'ids', ids: value }
  return 'must be a string, a list of strings, a list of token ids or a list of such lists, all of one kind; ids are whole numbers from 0 up'
}

function readTexts(texts: readonly string[]): PromptInput | string {
  return texts.every((text) => text.isWellFormed()) ? { kind: 'texts', texts } : ILL_FORMED
}

function isIdList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0)
}
