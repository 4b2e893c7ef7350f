import { z } from 'zod'
import type {} from 'zod-openapi' // what `meta` may say
import { ADJUSTMENT_BOUNDS } from '../../../shared/protocol/engine-api.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'

/** A field that is defined and would change the output: only values that ask for nothing are accepted. SPEC AP2. */
export function neutralOnly(isNeutral: Neutral) {
  const values = [...(isNeutral.jsonSchema === null ? [] : [isNeutral.jsonSchema ?? {}]), { type: 'null' } as const]
  return z
    .unknown()
    .superRefine((value, context) => {
      if (value === undefined || value === null || isNeutral(value)) return
      context.addIssue({ code: 'custom', message: 'is not supported by this server', params: { reason: 'unsupported_parameter' } })
    })
    .optional()
    .meta({ description: 'Only this, which asks for nothing; else `unsupported_parameter`.', override: { anyOf: values } })
}

/** A field that is defined and changes nothing here: any value is accepted. SPEC AP2. */
export const ignored = z.unknown().optional().meta({ description: 'Accepted; changes nothing.' })

/** Tells a neutral value. `jsonSchema` says the same in the API's document; null: there is none but null; absent: it is not said there. */
export interface Neutral {
  (value: unknown): boolean
  readonly jsonSchema?: JsonSchema | null
}
export type JsonSchema = Extract<NonNullable<z.GlobalMeta['override']>, { readonly anyOf?: unknown }>

/** @param jsonSchema what `isNeutral` takes, in the API's document. */
export const neutral = (isNeutral: (value: unknown) => boolean, jsonSchema: JsonSchema | null): Neutral => Object.assign(isNeutral, { jsonSchema })

export const never = neutral(() => false, null)
export const equals = (only: string | number | boolean) => neutral((value) => value === only, { const: only })
export const isEmptyList = neutral((value) => Array.isArray(value) && value.length === 0, { type: 'array', maxItems: 0 })

export const ILL_FORMED = 'must be well-formed Unicode: it has half of a surrogate pair'

/** Text that reaches the model. Encoding would silently put U+FFFD in the place of a lone surrogate. */
export const wellFormedText = z.string().refine((text) => text.isWellFormed(), ILL_FORMED)

/** Well-formed too: a lone surrogate would match one half of a character and cut it in two. */
export const stopString = wellFormedText.min(1).max(LIMITS.stopStringChars)
const stop = z.union(
  [stopString.transform((text) => [text]), z.array(stopString).max(LIMITS.stopStringsMax)],
  `must be a string of 1 to ${LIMITS.stopStringChars} characters or a list of at most ${LIMITS.stopStringsMax}`,
)

/**
 * A map of names that the client chooses. They are counted before zod looks at them, since it notes every one that is wrong; and `__proto__`, which
 * zod leaves out without a word, is refused.
 */
export function namedBy<T extends z.ZodRecord>(record: T, namesMax: number = Infinity) {
  return z.preprocess((value, context) => {
    if (typeof value !== 'object' || value === null) return value
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    if (Object.hasOwn(value, '__proto__')) return refuse("must not have the name '__proto__'")
    return Object.keys(value).length > namesMax ? refuse(`must have at most ${namesMax} names`) : value
  }, record)
}

/** Zod's own messages name two upper bounds: this one, and for what is far above it 2^53. */
export function whole(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int(error).min(min, error).max(max, error)
}

const between = ({ min, max }: { readonly min: number; readonly max: number }) => z.number().min(min).max(max)

/** OpenAI's form, ids as names: {"50256": -100}. Written as it is, so that no two names are one id. */
const logitBias = namedBy(z.record(z.string().regex(/^(0|[1-9][0-9]{0,9})$/, 'must be a token id'), between(ADJUSTMENT_BOUNDS.bias)), LIMITS.logitBiasMax)
  .transform((bias) => Object.entries(bias).map(([id, added]) => [Number(id), added] as const))
  .meta({ description: 'Added to the logits of tokens: `{"<token id>": bias}`.', override: { maxProperties: LIMITS.logitBiasMax } })

const streamOptions = z.strictObject({
  include_usage: z.boolean().nullish(),
  include_obfuscation: ignored,
  continuous_usage_stats: neutralOnly(equals(false)),
})

/** The model's own stop tokens take the rest of LIMITS.stopTokensMax. */
const STOP_TOKEN_IDS_MAX = LIMITS.stopTokensMax / 2

/** How tokens are chosen. Units and meanings are OpenAI's; those that OpenAI does not have are vLLM's. */
export const samplingFields = {
  temperature: z.number().min(0).max(2).nullish().meta({ description: '0 takes the best token.' }),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: whole(-1, LIMITS.vocabMax).nullish().meta({ description: '0 and −1: all tokens.' }),
  min_p: z.number().min(0).max(1).nullish().meta({ description: 'Least probability, as a share of the largest.' }),
  /** OpenAI's are 64 bits with a sign. JSON numbers above 2^53 are read as the nearest that a double can say. */
  seed: z
    .number()
    .refine((seed) => Number.isInteger(seed) && Math.abs(seed) <= 2 ** 64, 'must be an integer of at most 64 bits')
    .meta({ description: 'Equal seeds give equal tokens.', override: { type: 'integer', minimum: -(2 ** 64), maximum: 2 ** 64 } })
    .nullish(),
  presence_penalty: between(ADJUSTMENT_BOUNDS.presencePenalty).nullish().meta({ description: 'Taken off the logit of each token that the answer has.' }),
  frequency_penalty: between(ADJUSTMENT_BOUNDS.frequencyPenalty).nullish().meta({ description: 'Taken off for each time that the answer has it.' }),
  repetition_penalty: between(ADJUSTMENT_BOUNDS.repetitionPenalty)
    .nullish()
    .meta({ description: 'Divides positive logits, and multiplies others, of tokens that prompt or answer have.' }),
  logit_bias: logitBias.nullish(),
  min_tokens: whole(0, LIMITS.contextMax).nullish().meta({ description: 'No stop token before so many tokens.' }),
  stop_token_ids: z.array(whole(0, LIMITS.vocabMax)).max(STOP_TOKEN_IDS_MAX).nullish().meta({ description: "End the answer beside the model's own." }),
  stop: stop.nullish(),
  ignore_eos: z.boolean().nullish().meta({ description: "The model's own stop tokens do not end the answer." }),
}

/** Fields that chats and completions have. */
export const commonFields = {
  ...samplingFields,
  model: z.string(),
  max_tokens: whole(0, LIMITS.contextMax).nullish(),
  n: whole(1, LIMITS.nMax).nullish(),
  stream: z.boolean().nullish(),
  stream_options: streamOptions.nullish(),
  return_token_ids: z.boolean().nullish().meta({ description: "The answer's token ids stand in each choice." }),
  timings: z.boolean().nullish().meta({ description: 'How long the parts of the answer took, in it or in its last chunk.' }),

  user: ignored,
  metadata: ignored,
  store: ignored,
  service_tier: ignored,
  safety_identifier: ignored,
  prompt_cache_key: ignored,
  prompt_cache_options: ignored,
  prompt_cache_retention: ignored,

  skip_special_tokens: neutralOnly(equals(true)),
}

interface StreamFields {
  readonly stream?: boolean | null | undefined
  readonly stream_options?: unknown
}

/** OpenAI refuses stream_options without stream: a client that sends them waits for a chunk that never comes. */
export function checkStreamOptions(request: StreamFields, context: z.RefinementCtx): void {
  if (request.stream === true || request.stream_options === undefined || request.stream_options === null) return
  context.addIssue({ code: 'custom', path: ['stream_options'], message: 'is only allowed when stream is true' })
}
