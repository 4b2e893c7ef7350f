import { z } from 'zod'
import { LIMITS } from '../../../shared/protocol/limits.ts'

/** A field that is defined and would change the output: only values that ask for nothing are accepted. SPEC AP2. */
export function neutralOnly(isNeutral: (value: unknown) => boolean) {
  return z
    .unknown()
    .superRefine((value, context) => {
      if (value === undefined || value === null || isNeutral(value)) return
      context.addIssue({ code: 'custom', message: 'is not supported by this server', params: { reason: 'unsupported_parameter' } })
    })
    .optional()
}

/** A field that is defined and changes nothing here: any value is accepted. SPEC AP2. */
export const ignored = z.unknown().optional()

export const never = () => false
export const equals = (neutral: unknown) => (value: unknown) => value === neutral
export const isEmptyList = (value: unknown) => Array.isArray(value) && value.length === 0
export const isEmptyObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0

export const ILL_FORMED = 'must be well-formed Unicode: it has half of a surrogate pair'

/** Text that reaches the model. Encoding would silently put U+FFFD in the place of a lone surrogate. */
export const wellFormedText = z.string().refine((text) => text.isWellFormed(), ILL_FORMED)

/** Well-formed too: a lone surrogate would match one half of a character and cut it in two. */
const stopString = wellFormedText.min(1).max(LIMITS.stopStringChars)
const stop = z.union(
  [stopString.transform((text) => [text]), z.array(stopString).max(LIMITS.stopStringsMax)],
  `must be a string of 1 to ${LIMITS.stopStringChars} characters or a list of at most ${LIMITS.stopStringsMax}`,
)

const streamOptions = z.strictObject({
  include_usage: z.boolean().nullish(),
  include_obfuscation: ignored,
  continuous_usage_stats: neutralOnly(equals(false)),
})

/** Fields that both generating endpoints have. Units and meanings are OpenAI's; top_k, min_p, ignore_eos and return_token_ids are vLLM's. */
export const commonFields = {
  model: z.string(),
  max_tokens: z.int().min(0).max(LIMITS.contextMax).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  /** 0 and −1: all tokens. */
  top_k: z.int().min(-1).max(LIMITS.vocabMax).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  /** OpenAI's are 64 bits with a sign. JSON numbers above 2^53 are read as the nearest that a double can say. */
  seed: z
    .number()
    .refine((seed) => Number.isInteger(seed) && Math.abs(seed) <= 2 ** 64, 'must be an integer of at most 64 bits')
    .nullish(),
  stop: stop.nullish(),
  n: z.int().min(1).max(LIMITS.nMax).nullish(),
  stream: z.boolean().nullish(),
  stream_options: streamOptions.nullish(),
  ignore_eos: z.boolean().nullish(),
  return_token_ids: z.boolean().nullish(),
  /** Ours: how long the parts of the answer took, in it or in its last chunk. */
  timings: z.boolean().nullish(),

  user: ignored,
  metadata: ignored,
  store: ignored,
  service_tier: ignored,
  safety_identifier: ignored,
  prompt_cache_key: ignored,
  prompt_cache_options: ignored,
  prompt_cache_retention: ignored,

  presence_penalty: neutralOnly(equals(0)),
  frequency_penalty: neutralOnly(equals(0)),
  repetition_penalty: neutralOnly(equals(1)),
  logit_bias: neutralOnly(isEmptyObject),
  min_tokens: neutralOnly(equals(0)),
  stop_token_ids: neutralOnly(isEmptyList),
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
