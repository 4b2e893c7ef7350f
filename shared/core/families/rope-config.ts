import { LIMITS } from '../../protocol/limits.ts'
import type { RopeSpec } from '../model-spec.ts'
import { type ConfigFields, shown } from './config-fields.ts'

const FACTOR = { min: 1, max: 1e6 }

/**
 * RopeSpec of a config in either spelling: `rope_theta` with `rope_scaling` {type | rope_type, …} (transformers 4),
 * or `rope_parameters` {rope_type, rope_theta, …} (transformers 5). Kinds that are not here are refused by name.
 * @param context max_position_embeddings, the original context of a scaling that does not say its own.
 */
export function readRope(config: ConfigFields, context: number, thetaAbsent: number): RopeSpec {
  refuseTwoSpellings(config)
  const options = config.nested('rope_parameters') ?? config.nested('rope_scaling')
  for (const fields of [config, options]) {
    if (fields && fields.number('partial_rotary_factor', { min: 0, max: 1, absent: 1 }) !== 1) {
      fields.refuse('partial_rotary_factor', 'must be 1: only whole heads are rotated')
    }
  }
  const theta = (options?.has('rope_theta') ? options : config).number('rope_theta', { min: 1.01, max: 1e12, absent: thetaAbsent })
  if (!options) return { kind: 'default', theta }
  const kind = options.text('rope_type') ?? options.text('type') ?? 'default'
  switch (kind) {
    case 'default':
      return { kind, theta }
    case 'linear':
      return { kind, theta, factor: options.number('factor', FACTOR) }
    case 'llama3':
      return readLlama3(options, theta, originalContext(config, options, context))
    case 'yarn':
      return readYarn(options, theta, originalContext(config, options, context))
    default:
      options.refuse('rope_type', `${shown(kind)} is not supported: default, linear, llama3 and yarn are`)
      return { kind: 'default', theta }
  }
}

function refuseTwoSpellings(config: ConfigFields): void {
  if (config.has('rope_parameters') && config.has('rope_scaling')) config.refuse('rope_scaling', 'and rope_parameters are both given')
  for (const key of ['rope_parameters', 'rope_scaling']) {
    const options = config.nested(key)
    if (!options) continue
    const [kind, older] = [options.text('rope_type'), options.text('type')]
    if (kind !== null && older !== null && kind !== older) options.refuse('type', 'and rope_type differ')
    // A rope_parameters per kind of layer is an object of objects; its kinds would otherwise be read as plain RoPE.
    if (options.has('full_attention') || options.has('sliding_attention')) options.refuse('full_attention', 'is RoPE per kind of layer, which is not supported')
  }
}

function originalContext(config: ConfigFields, options: ConfigFields, context: number): number {
  const key = 'original_max_position_embeddings'
  return (config.has(key) ? config : options).integer(key, { min: 1, max: LIMITS.contextMax, absent: context })
}

function readLlama3(options: ConfigFields, theta: number, original: number): RopeSpec {
  const lowFreqFactor = options.number('low_freq_factor', { min: 1e-6, max: 1e6 })
  const highFreqFactor = options.number('high_freq_factor', { min: 1e-6, max: 1e6 })
  if (highFreqFactor <= lowFreqFactor) options.refuse('high_freq_factor', 'must be above low_freq_factor')
  return { kind: 'llama3', theta, factor: options.number('factor', FACTOR), lowFreqFactor, highFreqFactor, originalContext: original }
}

function readYarn(options: ConfigFields, theta: number, original: number): RopeSpec {
  const factor = options.number('factor', FACTOR)
  const betaFast = options.number('beta_fast', { min: 1e-6, max: 1e6, absent: 32 })
  const betaSlow = options.number('beta_slow', { min: 1e-6, max: 1e6, absent: 1 })
  if (betaFast < betaSlow) options.refuse('beta_fast', 'must not be below beta_slow')
  const truncate = options.flag('truncate', true)
  const attentionFactor = options.number('attention_factor', { min: 0, max: 1e6, absent: impliedAttentionFactor(options, factor) })
  return { kind: 'yarn', theta, factor, originalContext: original, betaFast, betaSlow, truncate, attentionFactor }
}

/** YaRN's 0.1 ln(factor) + 1, weighted with the mscale pair if both are given and not 0. */
function impliedAttentionFactor(options: ConfigFields, factor: number): number {
  const mscale = options.number('mscale', { min: 0, max: 100, absent: 0 })
  const mscaleAllDim = options.number('mscale_all_dim', { min: 0, max: 100, absent: 0 })
  const grown = (weight: number) => 0.1 * weight * Math.log(factor) + 1
  return mscale > 0 && mscaleAllDim > 0 ? grown(mscale) / grown(mscaleAllDim) : grown(1)
}
