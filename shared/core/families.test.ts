import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FIXTURE_MODELS, fixtureUrl, readJson } from '../../test/fixtures/read-checkpoint.ts'
import { readModelSpec } from './families.ts'
import { type ModelSpec, moeLayers } from './model-spec.ts'

type Config = Readonly<Record<string, unknown>>

function configOf(folder: string): Config {
  return readJson(fixtureUrl(`${folder}/config.json`)) as Config
}

function read(config: unknown, generation: unknown = null): ModelSpec {
  const result = readModelSpec(config, generation)
  if (!result.ok) throw new Error(result.error.message)
  return result.value.spec
}

/** The field that a refusal names; null if the config is read. */
function refusedField(config: unknown, generation: unknown = null): string | null {
  const result = readModelSpec(config, generation)
  if (result.ok) return null
  expect(result.error.code).toBe('manifest-invalid')
  return result.error.code === 'manifest-invalid' ? result.error.details.field : null
}

function without(config: Config, ...keys: readonly string[]): Config {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !keys.includes(key)))
}

describe('readModelSpec: what it reads', () => {
  it('[NU1] mixtral, every field', () => {
    expect(read(configOf('models/mixtral_swa'))).toEqual({
      family: 'mixtral',
      vocab: 320,
      hidden: 64,
      context: 512,
      attention: { heads: 4, kvHeads: 2, headDim: 16, scale: 0.25, qkvBias: false, outputBias: false, qkNorm: 'none', clip: null },
      norm: { kind: 'rms', eps: 1e-5 },
      rope: { kind: 'default', theta: 1e4 },
      layers: [1, 2, 3].map(() => ({ window: 16, ffn: { kind: 'moe' } })),
      router: { experts: 8, topK: 2, score: 'softmax', order: 'score-then-topk', normalize: true, scale: 1, selectionBias: false, groups: null },
      expert: { activation: 'swiglu', width: 32 },
      shared: null,
      multipliers: { embedding: 1, residual: 1, logitsDivisor: 1 },
      tiedHead: false,
      tokens: { bos: 1, eos: [2] },
    })
  })

  it.each(FIXTURE_MODELS)('[NU1] %s: the two spellings of RoPE and of the expert count mean the same', (folder) => {
    const config = configOf(folder)
    const { rope_theta, rope_scaling, rope_parameters, num_experts, num_local_experts, ...rest } = config
    const scaling = (rope_parameters ?? rope_scaling ?? {}) as Config
    const kind = scaling['rope_type'] ?? scaling['type'] ?? 'default'
    const theta = scaling['rope_theta'] ?? rope_theta
    const options = without(scaling, 'type', 'rope_type', 'rope_theta')
    const older = { ...rest, rope_theta: theta, rope_scaling: { type: kind, ...options }, num_experts: num_experts ?? num_local_experts }
    const newer = { ...rest, rope_parameters: { rope_theta: theta, rope_type: kind, ...options }, num_local_experts: num_experts ?? num_local_experts }
    expect(read(older)).toEqual(read(config))
    expect(read(newer)).toEqual(read(config))
  })

  it('[NU1] takes transformers’ defaults for absent keys, and null as absence', () => {
    const qwen2 = without(configOf('models/qwen2_moe'), 'qkv_bias', 'norm_topk_prob', 'decoder_sparse_step', 'mlp_only_layers', 'rms_norm_eps', 'rope_theta')
    const { attention, router, layers, norm, rope } = read({ ...qwen2, head_dim: null, intermediate_size: null })
    expect([attention.qkvBias, attention.headDim, router.normalize, norm.eps, rope]).toEqual([true, 16, false, 1e-6, { kind: 'default', theta: 1e4 }])
    expect(layers.every(({ ffn }) => ffn.kind === 'moe')).toBe(true)

    const olmoe = read(without(configOf('models/olmoe'), 'clip_qkv', 'attention_bias', 'num_key_value_heads', 'tie_word_embeddings'))
    expect([olmoe.attention.clip, olmoe.attention.qkvBias, olmoe.attention.kvHeads, olmoe.tiedHead]).toEqual([null, false, 4, false])

    const mixtral = read(without(configOf('models/mixtral'), 'rope_theta', 'rope_scaling', 'rms_norm_eps', 'sliding_window'))
    expect([mixtral.rope, mixtral.norm.eps, mixtral.layers[0]!.window]).toEqual([{ kind: 'default', theta: 1e6 }, 1e-5, null])

    const multipliers = ['embedding_multiplier', 'residual_multiplier', 'attention_multiplier', 'logits_scaling', 'shared_intermediate_size']
    const granite = read(without(configOf('models/granitemoeshared'), ...multipliers))
    expect([granite.multipliers, granite.attention.scale, granite.shared]).toEqual([{ embedding: 1, residual: 1, logitsDivisor: 1 }, 1, null])
  })

  it('[NU1] layers are dense if they are listed or off the sparse step', () => {
    const config = { ...configOf('models/qwen3_moe'), num_hidden_layers: 6, decoder_sparse_step: 2, mlp_only_layers: [3, 9] }
    expect(moeLayers(read(config))).toEqual([1, 5])
    expect(read(config).layers[0]!.ffn).toEqual({ kind: 'dense', width: 96 })
  })

  it('[NU1] eos and bos come from generation_config.json, and from config.json where it says nothing', () => {
    const config = configOf('models/mixtral')
    expect(read(config, { eos_token_id: [7, 3, 7], bos_token_id: 5 }).tokens).toEqual({ bos: 5, eos: [7, 3] })
    expect(read(config, { eos_token_id: 9, bos_token_id: null }).tokens).toEqual({ bos: 1, eos: [9] })
    expect(read(without(config, 'eos_token_id', 'bos_token_id'), {}).tokens).toEqual({ bos: null, eos: [] })
  })
})

describe('readModelSpec: what it refuses', () => {
  const anyFamily: readonly (readonly [field: string, change: Config])[] = [
    ['model_type', { model_type: 'deepseek_v3' }],
    ['model_type', { model_type: null }],
    ['hidden_act', { hidden_act: 'gelu' }],
    ['quantization_config', { quantization_config: { quant_method: 'fp8' } }],
    ['layer_types', { layer_types: ['full_attention', 'sliding_attention'] }],
    ['partial_rotary_factor', { partial_rotary_factor: 0.5 }],
    ['rope_scaling.partial_rotary_factor', { rope_scaling: { partial_rotary_factor: 0.5 } }],
    ['rope_scaling.rope_type', { rope_scaling: { type: 'dynamic', factor: 2 } }],
    ['rope_scaling.rope_type', { rope_scaling: { rope_type: 'longrope' } }],
    ['rope_scaling.type', { rope_scaling: { rope_type: 'linear', type: 'yarn', factor: 2 } }],
    ['rope_scaling.factor', { rope_scaling: { type: 'linear' } }],
    ['rope_scaling.factor', { rope_scaling: { type: 'linear', factor: 0.5 } }],
    ['rope_scaling.high_freq_factor', { rope_scaling: { type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 4 } }],
    ['rope_scaling.beta_fast', { rope_scaling: { type: 'yarn', factor: 8, beta_fast: 1, beta_slow: 2 } }],
    ['rope_scaling', { rope_scaling: { type: 'default' }, rope_parameters: { rope_type: 'default' } }],
    ['rope_scaling', { rope_scaling: [] }],
    ['rope_parameters.full_attention', { rope_scaling: null, rope_parameters: { full_attention: { rope_type: 'default' } } }],
    ['num_local_experts', { num_experts: 8, num_local_experts: 4 }],
    ['num_experts_per_tok', { num_experts_per_tok: 9 }],
    ['num_attention_heads', { num_attention_heads: 5, num_key_value_heads: 1, head_dim: null }],
    ['num_key_value_heads', { num_attention_heads: 4, num_key_value_heads: 3 }],
    ['head_dim', { head_dim: 15 }],
    ['hidden_size', { hidden_size: 1e9 }],
    ['hidden_size', { hidden_size: 64.5 }],
    ['hidden_size', { hidden_size: '64' }],
    ['vocab_size', { vocab_size: 0 }],
    ['num_hidden_layers', { num_hidden_layers: 1e6 }],
    ['rms_norm_eps', { rms_norm_eps: -1 }],
    ['tie_word_embeddings', { tie_word_embeddings: 'yes' }],
    ['eos_token_id', { eos_token_id: 320 }],
    ['eos_token_id', { eos_token_id: Array.from({ length: 100_000 }, () => 2) }],
  ]

  it.each(anyFamily)('[PK5] names %s of %o', (field, change) => {
    for (const family of ['mixtral', 'olmoe', 'qwen3_moe', 'granitemoe']) expect(refusedField({ ...configOf(`models/${family}`), ...change })).toBe(field)
  })

  it.each([
    ['qwen2_moe', 'use_sliding_window', { use_sliding_window: true }],
    ['qwen3_moe', 'use_sliding_window', { use_sliding_window: true }],
    ['qwen3_moe', 'decoder_sparse_step', { decoder_sparse_step: 0 }],
    ['qwen3_moe', 'mlp_only_layers', { mlp_only_layers: [0, 1, 2] }],
    ['qwen3_moe', 'intermediate_size', { mlp_only_layers: [0], intermediate_size: null }],
    ['mixtral', 'sliding_window', { sliding_window: 0 }],
    ['olmoe', 'sliding_window', { sliding_window: 128 }],
    ['olmoe', 'clip_qkv', { clip_qkv: -1 }],
    ['granitemoe', 'logits_scaling', { logits_scaling: 0 }],
  ])('[PK5] %s: names %s', (family, field, change) => {
    expect(refusedField({ ...configOf(`models/${family}`), ...change })).toBe(field)
  })

  it('[PK5] names every absent key that has no default', () => {
    const always = ['model_type', 'vocab_size', 'hidden_size', 'max_position_embeddings', 'num_hidden_layers', 'num_attention_heads', 'num_experts_per_tok']
    const required: Readonly<Record<string, readonly string[]>> = {
      mixtral: [...always, 'num_local_experts', 'num_key_value_heads', 'intermediate_size'],
      olmoe: [...always, 'intermediate_size'],
      qwen2_moe: [...always, 'num_key_value_heads', 'moe_intermediate_size', 'shared_expert_intermediate_size'],
      qwen3_moe: [...always, 'num_key_value_heads', 'moe_intermediate_size'],
      granitemoe: [...always, 'num_local_experts', 'intermediate_size'],
      granitemoeshared: [...always, 'num_local_experts', 'intermediate_size'],
    }
    for (const [family, keys] of Object.entries(required)) {
      for (const key of keys) expect(refusedField(without(configOf(`models/${family}`), key)), `${family} without ${key}`).toBe(key)
    }
    expect(refusedField(without(configOf('models/olmoe'), 'num_experts'))).toBe('num_local_experts')
  })

  it('[PK5] names the file of a bad generation_config.json', () => {
    expect(refusedField(configOf('models/mixtral'), { eos_token_id: [2, -1] })).toBe('generation_config.eos_token_id')
    expect(refusedField(configOf('models/mixtral'), [])).toBe('generation_config')
  })

  it('[PK7] shows no more of a hostile value than a message should hold', () => {
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown
    expect(refusedField({ ...configOf('models/mixtral'), hidden_size: deep })).toBe('hidden_size')
    const long = readModelSpec({ model_type: 'x'.repeat(1e6) }, null)
    expect(!long.ok && long.error.message.length).toBeLessThan(300)
  })

  it('[PK7] answers anything with a spec or a refusal that names a field, and never throws', () => {
    const keys = Object.keys(Object.assign({}, ...FIXTURE_MODELS.map(configOf)))
    const odd = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.constantFrom(-1, 0, 1, 2, 3, 1e308, 2 ** 53))
    const arbConfig = fc.tuple(fc.constantFrom(...FIXTURE_MODELS), fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), odd, { maxKeys: 4 }))
    fc.assert(
      fc.property(arbConfig, odd, ([folder, changes], generation) => {
        const field = refusedField({ ...configOf(folder), ...changes }, generation)
        if (field !== null) expect(field.length).toBeGreaterThan(0)
      }),
      { numRuns: 500 },
    )
    fc.assert(fc.property(fc.jsonValue(), (config) => void refusedField(config, config)))
  })
})
