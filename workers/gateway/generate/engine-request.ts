import type { GenerateRequest, LogitAdjustments, SamplingParams } from '../../../shared/protocol/engine-api.ts'
import type { GrammarSpec } from '../../../shared/protocol/grammar-api.ts'
import type { GenerationDefaults } from '../../../shared/protocol/manifest.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import type { Prompt } from './prompt-tokens.ts'

/** The fields of a parsed request that both endpoints have and that reach the engine. */
export interface GeneratingFields {
  readonly temperature?: number | null | undefined
  readonly top_p?: number | null | undefined
  readonly top_k?: number | null | undefined
  readonly min_p?: number | null | undefined
  readonly seed?: number | null | undefined
  readonly n?: number | null | undefined
  readonly presence_penalty?: number | null | undefined
  readonly frequency_penalty?: number | null | undefined
  readonly repetition_penalty?: number | null | undefined
  readonly logit_bias?: LogitAdjustments['bias'] | null | undefined
  readonly min_tokens?: number | null | undefined
  readonly stop_token_ids?: readonly number[] | null | undefined
  readonly ignore_eos?: boolean | null | undefined
}

/** What differs between the endpoints. */
interface EngineJob {
  readonly requestId: string
  readonly prompts: readonly Prompt[]
  readonly maxTokens: number | null
  readonly logprobs: number | null
  readonly echo: boolean
  readonly grammar: GrammarSpec | null
}

export function engineRequest(model: LoadedModel, fields: GeneratingFields, job: EngineJob, newSeed: () => number): GenerateRequest {
  return {
    ...job,
    prompts: job.prompts.map(({ ids }) => ids),
    n: fields.n ?? 1,
    sampling: samplingParams(fields, model.generation, newSeed),
    adjustments: logitAdjustments(fields, model.generation),
    stopTokens: [...new Set([...(fields.ignore_eos === true ? [] : model.eos), ...(fields.stop_token_ids ?? [])])],
  }
}

/** The request's values, else the model's own (generation_config.json), else OpenAI's. */
function samplingParams(fields: GeneratingFields, model: GenerationDefaults, newSeed: () => number): SamplingParams {
  return {
    ...temperatureAndTopP(fields, model),
    topK: Math.max(0, fields.top_k ?? model.topK ?? 0),
    minP: fields.min_p ?? model.minP ?? 0,
    seed: seedBits(fields.seed ?? newSeed()),
  }
}

/** Null where neither request nor model asks for any: the engine then has nothing to do. SPEC SA5. */
function logitAdjustments(fields: GeneratingFields, model: GenerationDefaults): LogitAdjustments | null {
  const presencePenalty = fields.presence_penalty ?? 0
  const frequencyPenalty = fields.frequency_penalty ?? 0
  const repetitionPenalty = fields.repetition_penalty ?? model.repetitionPenalty ?? 1
  const bias = fields.logit_bias ?? []
  const minTokens = fields.min_tokens ?? 0
  if (presencePenalty === 0 && frequencyPenalty === 0 && repetitionPenalty === 1 && bias.length === 0 && minTokens === 0) return null
  return { presencePenalty, frequencyPenalty, repetitionPenalty, bias, minTokens }
}

/** Also what /v1/responses repeats of a request. */
export function temperatureAndTopP(fields: Pick<GeneratingFields, 'temperature' | 'top_p'>, model: GenerationDefaults) {
  return { temperature: fields.temperature ?? model.temperature ?? 1, topP: fields.top_p ?? model.topP ?? 1 }
}

const TWO_32 = 2 ** 32
/** Odd, 2^32 over the golden ratio: consecutive upper halves land far from each other. */
const SPREAD = 0x9e3779b1

/**
 * The 32 bits that the engine draws from. OpenAI allows 64 and a sign: seeds below 2^32 stay as they are, the upper half of larger ones is
 * folded in, and a negative seed has the complement of its positive one's bits. Equal seeds stay equal.
 */
function seedBits(seed: number): number {
  const magnitude = Math.abs(seed)
  const folded = (magnitude % TWO_32) ^ Math.imul(Math.floor(magnitude / TWO_32), SPREAD)
  return (seed < 0 ? ~folded : folded) >>> 0
}
