import type { ModelSpec } from './model-spec.ts'
import { trunkTensors } from './tensors.ts'

/** The three matrices of a gated MLP, row-major: gate and up [width, hidden], down [hidden, width]. */
export interface MlpWeights {
  readonly gate: Float32Array
  readonly up: Float32Array
  readonly down: Float32Array
}

/** A model's weights in f32, row-major and unpadded. */
export interface Weights {
  /** By the names and shapes of trunkTensors. */
  trunk(name: string): Float32Array
  expert(layer: number, expert: number): MlpWeights
}

/** One layer's trunk. Shapes: tensors.ts; null where the model has none. */
export interface LayerWeights {
  readonly window: number | null
  readonly attnNorm: Float32Array
  readonly q: Float32Array
  readonly k: Float32Array
  readonly v: Float32Array
  readonly o: Float32Array
  readonly qBias: Float32Array | null
  readonly kBias: Float32Array | null
  readonly vBias: Float32Array | null
  readonly oBias: Float32Array | null
  readonly qNorm: Float32Array | null
  readonly kNorm: Float32Array | null
  readonly ffnNorm: Float32Array
  readonly ffn: { readonly kind: 'dense'; readonly mlp: MlpWeights } | MoeWeights
}

export interface MoeWeights {
  readonly kind: 'moe'
  readonly router: Float32Array
  readonly routerBias: Float32Array | null
  readonly shared: MlpWeights | null
  readonly sharedMix: Float32Array | null
}

/** Looks up every trunk tensor once. Throws on one of the wrong size. */
export function gatherTrunk(spec: ModelSpec, weights: Weights): { embed: Float32Array; layers: LayerWeights[]; norm: Float32Array; head: Float32Array } {
  const tensors = new Map(trunkTensors(spec).map(({ name, rows, cols }) => [name, sized(name, weights.trunk(name), rows * cols)]))
  const find = (name: string) => tensors.get(name) ?? null
  const get = (name: string) => find(name) ?? missing(name)
  const embed = get('embed')
  return { embed, layers: spec.layers.map((_, index) => gatherLayer(spec, index, get, find)), norm: get('norm'), head: spec.tiedHead ? embed : get('head') }
}

type Get = (name: string) => Float32Array
type Find = (name: string) => Float32Array | null

function gatherLayer(spec: ModelSpec, index: number, get: Get, find: Find): LayerWeights {
  const { window, ffn } = spec.layers[index]!
  const p = `layers.${index}.`
  return {
    window,
    attnNorm: get(`${p}attn_norm`),
    q: get(`${p}q`),
    k: get(`${p}k`),
    v: get(`${p}v`),
    o: get(`${p}o`),
    qBias: find(`${p}q_bias`),
    kBias: find(`${p}k_bias`),
    vBias: find(`${p}v_bias`),
    oBias: find(`${p}o_bias`),
    qNorm: find(`${p}q_norm`),
    kNorm: find(`${p}k_norm`),
    ffnNorm: get(`${p}ffn_norm`),
    ffn: ffn.kind === 'dense' ? { kind: 'dense', mlp: gatherMlp(`${p}mlp.`, get) } : gatherMoe(spec, p, get, find),
  }
}

function gatherMoe(spec: ModelSpec, p: string, get: Get, find: Find): MoeWeights {
  return {
    kind: 'moe',
    router: get(`${p}router`),
    routerBias: find(`${p}router_bias`),
    shared: spec.shared ? gatherMlp(`${p}shared.`, get) : null,
    sharedMix: find(`${p}shared.mix`),
  }
}

function gatherMlp(p: string, get: Get): MlpWeights {
  return { gate: get(`${p}gate`), up: get(`${p}up`), down: get(`${p}down`) }
}

function sized(name: string, values: Float32Array, length: number): Float32Array {
  if (values.length !== length) throw new Error(`${name} has ${values.length} values, not ${length}`)
  return values
}

function missing(name: string): never {
  throw new Error(`${name} is missing`)
}
