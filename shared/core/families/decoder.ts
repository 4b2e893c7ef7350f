import { LIMITS } from '../../protocol/limits.ts'
import type { AttentionSpec, ModelSpec, SpecialTokens } from '../model-spec.ts'
import { type ConfigFields, shown } from './config-fields.ts'
import { readRope } from './rope-config.ts'

/** What transformers' config class of a family takes for keys that its config.json leaves out. */
export interface Defaults {
  readonly rmsEps: number
  readonly ropeTheta: number
  /** Absent num_key_value_heads means num_attention_heads; elsewhere the class has a number of its own, and absence is refused. */
  readonly kvHeadsAsHeads: boolean
}

export const WIDTH = { min: 1, max: LIMITS.hiddenMax } as const

/**
 * The decoder that all families share, in its plainest form: no biases, no windows, every layer MoE, softmax then top-k,
 * normalised, multipliers of 1. A family's reader overrides what it does differently.
 * @param widthKey the config key of an expert's width.
 */
export function readDecoder(family: string, config: ConfigFields, generation: ConfigFields, widthKey: string, defaults: Defaults): ModelSpec {
  refuseUnrepresented(config)
  const vocab = config.integer('vocab_size', { min: 1, max: LIMITS.vocabMax })
  const hidden = config.integer('hidden_size', WIDTH)
  const context = config.integer('max_position_embeddings', { min: 1, max: LIMITS.contextMax })
  const layerCount = config.integer('num_hidden_layers', { min: 1, max: LIMITS.layersMax })
  const experts = readExpertCount(config)
  const topK = config.integer('num_experts_per_tok', { min: 1, max: Math.min(experts, LIMITS.topKMax) })
  return {
    family,
    vocab,
    hidden,
    context,
    attention: readAttention(config, hidden, defaults.kvHeadsAsHeads),
    norm: { kind: 'rms', eps: config.number('rms_norm_eps', { min: 1e-12, max: 1, absent: defaults.rmsEps }) },
    rope: readRope(config, context, defaults.ropeTheta),
    layers: Array.from({ length: layerCount }, () => ({ window: null, ffn: { kind: 'moe' } })),
    router: { experts, topK, score: 'softmax', order: 'score-then-topk', normalize: true, scale: 1, selectionBias: false, groups: null },
    expert: { activation: 'swiglu', width: config.integer(widthKey, WIDTH) },
    shared: null,
    multipliers: { embedding: 1, residual: 1, logitsDivisor: 1 },
    tiedHead: config.flag('tie_word_embeddings', false),
    tokens: readSpecialTokens(config, generation, vocab),
  }
}

/** Options that change what a model computes and that ModelSpec cannot say. */
function refuseUnrepresented(config: ConfigFields): void {
  if (config.has('quantization_config')) config.refuse('quantization_config', 'is given: only unquantised checkpoints are read')
  const activation = config.text('hidden_act')
  if (activation !== null && activation !== 'silu') config.refuse('hidden_act', `${shown(activation)} is not supported: silu is`)
  if (config.flag('use_sliding_window', false)) config.refuse('use_sliding_window', 'must be false: windows on some layers only are not supported')
  if (!config.isAll('layer_types', 'full_attention')) config.refuse('layer_types', 'must all be "full_attention"')
}

/** Both names are in the wild for one thing. */
function readExpertCount(config: ConfigFields): number {
  const range = { min: 1, max: LIMITS.expertsMax }
  const [key, other] = config.has('num_experts') ? ['num_experts', 'num_local_experts'] : ['num_local_experts', 'num_experts']
  const count = config.integer(key, range)
  if (config.has(other) && config.integer(other, range) !== count) config.refuse(other, `and ${key} differ`)
  return count
}

function readAttention(config: ConfigFields, hidden: number, kvHeadsAsHeads: boolean): AttentionSpec {
  const heads = config.integer('num_attention_heads', WIDTH)
  const kvHeads = config.integer('num_key_value_heads', { min: 1, max: heads, ...(kvHeadsAsHeads ? { absent: heads } : {}) })
  if (heads % kvHeads !== 0) config.refuse('num_key_value_heads', `(${kvHeads}) does not divide num_attention_heads (${heads})`)
  if (!config.has('head_dim') && hidden % heads !== 0) config.refuse('num_attention_heads', `(${heads}) does not divide hidden_size (${hidden})`)
  const headDim = config.integer('head_dim', { ...WIDTH, absent: hidden / heads })
  if (headDim % 2 !== 0) config.refuse('head_dim', `must be even for RoPE, not ${headDim}`)
  if (heads * headDim > LIMITS.hiddenMax) config.refuse('head_dim', `times num_attention_heads is above ${LIMITS.hiddenMax}`)
  return { heads, kvHeads, headDim, scale: 1 / Math.sqrt(headDim), qkvBias: false, outputBias: false, qkNorm: 'none', clip: null }
}

/** generation_config.json speaks first: it is what generation uses; config.json where it says nothing. */
function readSpecialTokens(config: ConfigFields, generation: ConfigFields, vocab: number): SpecialTokens {
  const id = { min: 0, max: vocab - 1 }
  const source = (key: string) => (generation.has(key) ? generation : config)
  const bos = source('bos_token_id')
  return {
    bos: bos.has('bos_token_id') ? bos.integer('bos_token_id', id) : null,
    eos: [...new Set(source('eos_token_id').integers('eos_token_id', id))],
  }
}
