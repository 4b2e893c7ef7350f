import { trunkEncoding } from '../protocol/tiers.ts'
import type { Encoding, Tier } from '../protocol/tiers.ts'
import type { ModelSpec } from './model-spec.ts'

/** A tensor of the trunk, by its name in the pack. `f32`: kept in f32 in every tier; `tier`: follows the trunk's tier. */
export interface TrunkTensor {
  readonly name: string
  readonly kind: 'vector' | 'matrix'
  readonly precision: 'tier' | 'f32'
  /** Outputs; 1 for a vector. */
  readonly rows: number
  /** Inputs; the length of a vector. */
  readonly cols: number
}

/** The three matrices of an expert in stored order, with their shapes. */
export function expertMatrices(spec: ModelSpec): readonly { readonly name: 'gate' | 'up' | 'down'; readonly rows: number; readonly cols: number }[] {
  const { hidden } = spec
  const { width } = spec.expert
  return [
    { name: 'gate', rows: width, cols: hidden },
    { name: 'up', rows: width, cols: hidden },
    { name: 'down', rows: hidden, cols: width },
  ]
}

/** Every tensor of the trunk, in stored order: what a pack must hold and an engine loads. */
export function trunkTensors(spec: ModelSpec): TrunkTensor[] {
  const { hidden, vocab } = spec
  return [
    matrix('embed', vocab, hidden),
    ...spec.layers.flatMap((_, layer) => layerTensors(spec, layer)),
    vector('norm', hidden),
    ...(spec.tiedHead ? [] : [matrix('head', vocab, hidden)]),
  ]
}

/** Layout of a trunk tensor at the trunk's tier: stored, q8 or f32; served, what `trunkTier` gives. */
export function tensorEncoding(tensor: TrunkTensor, trunk: Tier): Encoding {
  if (tensor.kind === 'vector') return 'f32-vector'
  return tensor.precision === 'f32' ? 'f32-matrix' : trunkEncoding(trunk)
}

function layerTensors(spec: ModelSpec, layer: number): TrunkTensor[] {
  const { hidden, attention } = spec
  const p = `layers.${layer}.`
  const qRows = attention.heads * attention.headDim
  const kvRows = attention.kvHeads * attention.headDim
  const normed = attention.qkNorm !== 'none'
  const wholeRow = attention.qkNorm === 'row'
  return [
    vector(`${p}attn_norm`, hidden),
    matrix(`${p}q`, qRows, hidden),
    matrix(`${p}k`, kvRows, hidden),
    matrix(`${p}v`, kvRows, hidden),
    matrix(`${p}o`, hidden, qRows),
    ...(attention.qkvBias ? [vector(`${p}q_bias`, qRows), vector(`${p}k_bias`, kvRows), vector(`${p}v_bias`, kvRows)] : []),
    ...(attention.outputBias ? [vector(`${p}o_bias`, hidden)] : []),
    ...(normed ? [vector(`${p}q_norm`, wholeRow ? qRows : attention.headDim), vector(`${p}k_norm`, wholeRow ? kvRows : attention.headDim)] : []),
    vector(`${p}ffn_norm`, hidden),
    ...ffnTensors(spec, layer, p),
  ]
}

function ffnTensors(spec: ModelSpec, layer: number, p: string): TrunkTensor[] {
  const { hidden, router, shared } = spec
  const { ffn } = spec.layers[layer]!
  if (ffn.kind === 'dense') return mlp(`${p}mlp.`, hidden, ffn.width)
  return [
    { name: `${p}router`, kind: 'matrix', precision: 'f32', rows: router.experts, cols: hidden },
    ...(router.selectionBias ? [vector(`${p}router_bias`, router.experts)] : []),
    ...(shared ? mlp(`${p}shared.`, hidden, shared.width) : []),
    ...(shared?.mix === 'sigmoid' ? [vector(`${p}shared.mix`, hidden)] : []),
  ]
}

function mlp(p: string, hidden: number, width: number): TrunkTensor[] {
  return [matrix(`${p}gate`, width, hidden), matrix(`${p}up`, width, hidden), matrix(`${p}down`, hidden, width)]
}

function matrix(name: string, rows: number, cols: number): TrunkTensor {
  return { name, kind: 'matrix', precision: 'tier', rows, cols }
}

function vector(name: string, cols: number): TrunkTensor {
  return { name, kind: 'vector', precision: 'f32', rows: 1, cols }
}
