import { fail, type MoeError } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { err, ok, type Result } from '../protocol/result.ts'
import { parseModelSpec } from '../protocol/spec-parser.ts'
import { ConfigFields, shown } from './families/config-fields.ts'
import { type Defaults, readDecoder, WIDTH } from './families/decoder.ts'
import { type AttentionSpec, type LayerSpec, type ModelSpec, moeLayers, type RouterSpec } from './model-spec.ts'
import { tensorSources, type TensorNames, type TensorSources } from './tensor-sources.ts'

interface Family {
  /** What this family does differently from the decoder that all share. */
  readonly differences: (config: ConfigFields, decoder: ModelSpec) => Partial<ModelSpec>
  /** Config key of an expert's width. */
  readonly widthKey: 'intermediate_size' | 'moe_intermediate_size'
  readonly defaults: Defaults
  readonly names: TensorNames
}

const MULTIPLIER = { min: 1e-9, max: 1e9, absent: 1 } as const

const SEPARATE = { kind: 'separate', gate: 'gate_proj', up: 'up_proj', down: 'down_proj' } as const
const W123 = { kind: 'separate', gate: 'w1', up: 'w3', down: 'w2' } as const
const FUSED = { kind: 'fused', input: 'input_linear', output: 'output_linear' } as const
const MIXTRAL_NAMES: TensorNames = { router: 'block_sparse_moe.gate', experts: { at: 'block_sparse_moe.experts.', ...W123 }, shared: null }
const MLP_NAMES: TensorNames = { router: 'mlp.gate', experts: { at: 'mlp.experts.', ...SEPARATE }, shared: { at: 'mlp.shared_expert.', ...SEPARATE } }
const GRANITE_NAMES: TensorNames = {
  router: 'block_sparse_moe.router.layer',
  experts: { at: 'block_sparse_moe.', ...FUSED },
  shared: { at: 'shared_mlp.', ...FUSED },
}

const MIXTRAL_DEFAULTS: Defaults = { rmsEps: 1e-5, ropeTheta: 1e6, kvHeadsAsHeads: false }
const OLMOE_DEFAULTS: Defaults = { rmsEps: 1e-5, ropeTheta: 1e4, kvHeadsAsHeads: true }
const QWEN_DEFAULTS: Defaults = { rmsEps: 1e-6, ropeTheta: 1e4, kvHeadsAsHeads: false }
const GRANITE_DEFAULTS: Defaults = { rmsEps: 1e-6, ropeTheta: 1e4, kvHeadsAsHeads: true }

/** By `model_type`. Defaults are those of transformers 5.23. */
const FAMILIES: ReadonlyMap<string, Family> = new Map<string, Family>([
  ['mixtral', { differences: mixtral, widthKey: 'intermediate_size', defaults: MIXTRAL_DEFAULTS, names: MIXTRAL_NAMES }],
  ['olmoe', { differences: olmoe, widthKey: 'intermediate_size', defaults: OLMOE_DEFAULTS, names: MLP_NAMES }],
  ['qwen2_moe', { differences: qwen2Moe, widthKey: 'moe_intermediate_size', defaults: QWEN_DEFAULTS, names: MLP_NAMES }],
  ['qwen3_moe', { differences: qwen3Moe, widthKey: 'moe_intermediate_size', defaults: QWEN_DEFAULTS, names: MLP_NAMES }],
  ['granitemoe', { differences: graniteMoe, widthKey: 'intermediate_size', defaults: GRANITE_DEFAULTS, names: GRANITE_NAMES }],
  ['granitemoeshared', { differences: graniteMoeShared, widthKey: 'intermediate_size', defaults: GRANITE_DEFAULTS, names: GRANITE_NAMES }],
])

/**
 * Reads a Hugging Face config.json (and generation_config.json, null if there is none) into a ModelSpec, with the place of
 * every tensor in the checkpoint. Refuses with `manifest-invalid`, naming the field, what is missing, beyond LIMITS, or would
 * change the output in a way that ModelSpec cannot say. Never throws. Formulas and defaults: docs/design/families.md.
 */
export function readModelSpec(config: unknown, generationConfig: unknown): Result<{ spec: ModelSpec; sources: TensorSources }, MoeError> {
  const fields = new ConfigFields(config)
  const generation = new ConfigFields(generationConfig ?? {}, 'generation_config.')
  const name = fields.text('model_type') ?? ''
  const family = FAMILIES.get(name)
  if (!family) {
    if (fields.problem) return err(fields.problem)
    return fail('manifest-invalid', `model_type ${shown(name)} is not supported: ${[...FAMILIES.keys()].join(', ')} are`, { field: 'model_type' })
  }
  const decoder = readDecoder(name, fields, generation, family.widthKey, family.defaults)
  const spec: ModelSpec = { ...decoder, ...family.differences(fields, decoder) }
  if (moeLayers(spec).length === 0) fields.refuse('mlp_only_layers', 'and decoder_sparse_step leave no layer with experts')
  const problem = fields.problem ?? generation.problem
  if (problem) return err(problem)
  const checked = parseModelSpec(spec) // the bounds of every spec, and how its fields must fit each other
  return checked.ok ? ok({ spec, sources: tensorSources(spec, family.names) }) : checked
}

function mixtral(config: ConfigFields, decoder: ModelSpec): Partial<ModelSpec> {
  const window = config.has('sliding_window') ? config.integer('sliding_window', { min: 1, max: LIMITS.contextMax }) : null
  return { layers: decoder.layers.map((layer) => ({ ...layer, window })) }
}

function olmoe(config: ConfigFields, decoder: ModelSpec): Partial<ModelSpec> {
  refuseWindow(config)
  const clip = config.has('clip_qkv') ? config.number('clip_qkv', { min: 1e-6, max: 1e9 }) : null
  return { attention: { ...withBiases(config, decoder.attention), qkNorm: 'row', clip }, router: withNormFlag(config, decoder.router) }
}

function qwen2Moe(config: ConfigFields, decoder: ModelSpec): Partial<ModelSpec> {
  return {
    attention: { ...decoder.attention, qkvBias: config.flag('qkv_bias', true) },
    layers: withDenseLayers(config, decoder.layers),
    router: withNormFlag(config, decoder.router),
    shared: { width: config.integer('shared_expert_intermediate_size', WIDTH), mix: 'sigmoid' },
  }
}

function qwen3Moe(config: ConfigFields, decoder: ModelSpec): Partial<ModelSpec> {
  return {
    attention: { ...withBiases(config, decoder.attention), qkNorm: 'head' },
    layers: withDenseLayers(config, decoder.layers),
    router: withNormFlag(config, decoder.router),
  }
}

function graniteMoe(config: ConfigFields, decoder: ModelSpec): Partial<ModelSpec> {
  refuseWindow(config)
  return {
    attention: { ...withBiases(config, decoder.attention), scale: config.number('attention_multiplier', MULTIPLIER) },
    router: { ...decoder.router, order: 'topk-then-score', normalize: false }, // the softmax over the chosen sums to 1 already
    multipliers: {
      embedding: config.number('embedding_multiplier', MULTIPLIER),
      residual: config.number('residual_multiplier', MULTIPLIER),
      logitsDivisor: config.number('logits_scaling', MULTIPLIER),
    },
  }
}

function graniteMoeShared(config: ConfigFields, decoder: ModelSpec): Partial<ModelSpec> {
  const width = config.integer('shared_intermediate_size', { min: 0, max: WIDTH.max, absent: 0 })
  return { ...graniteMoe(config, decoder), shared: width === 0 ? null : { width, mix: 'none' } }
}

function withBiases(config: ConfigFields, attention: AttentionSpec): AttentionSpec {
  const bias = config.flag('attention_bias', false)
  return { ...attention, qkvBias: bias, outputBias: bias }
}

function withNormFlag(config: ConfigFields, router: RouterSpec): RouterSpec {
  return { ...router, normalize: config.flag('norm_topk_prob', false) }
}

/** Layer i is dense if it is listed, or if i + 1 is no multiple of decoder_sparse_step. */
function withDenseLayers(config: ConfigFields, layers: readonly LayerSpec[]): LayerSpec[] {
  const listed = new Set(config.integers('mlp_only_layers', { min: 0, max: LIMITS.layersMax }))
  const step = config.integer('decoder_sparse_step', { min: 1, max: LIMITS.layersMax, absent: 1 })
  const isDense = layers.map((_, i) => listed.has(i) || (i + 1) % step !== 0)
  // Only dense layers have this width: a config without any may leave it out.
  const width = isDense.includes(true) ? config.integer('intermediate_size', WIDTH) : 0
  return layers.map((layer, i) => (isDense[i] ? { ...layer, ffn: { kind: 'dense', width } } : layer))
}

/** These classes hand a window to some attention kernels and mask without it: there is no one right answer. */
function refuseWindow(config: ConfigFields): void {
  if (config.has('sliding_window')) config.refuse('sliding_window', 'must be null in this family')
}
