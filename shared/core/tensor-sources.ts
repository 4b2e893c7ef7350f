import type { ModelSpec } from './model-spec.ts'
import { trunkTensors } from './tensors.ts'

/** Where one matrix or vector lies in a checkpoint: rows `rowOffset` and on of a tensor that is seen as [all its leading dimensions, columns]. */
export interface TensorSource {
  /** Name in the safetensors file. */
  readonly tensor: string
  /** The whole tensor's shape there. */
  readonly shape: readonly number[]
  readonly rowOffset: number
}

export interface ExpertSources {
  readonly gate: TensorSource
  readonly up: TensorSource
  readonly down: TensorSource
}

/** The way from the names of the pack (tensors.ts) to those of a Hugging Face checkpoint. */
export interface TensorSources {
  /** By trunk tensor name. */
  readonly trunk: ReadonlyMap<string, TensorSource>
  /** `layer` has routed experts (moeLayers). */
  expert(layer: number, expert: number): ExpertSources
  /** Every tensor that the checkpoint must hold. */
  tensorNames(): Set<string>
  /** Tensors that it may hold besides: the tensor whose values one must repeat, or null for a buffer that is computed anew. */
  readonly redundant: ReadonlyMap<string, string | null>
}

/** What the three matrices of a gated MLP are called below the prefix `at`. `fused`: gate's rows, then up's, in one tensor. */
export type MlpNames = { readonly at: string } & (
  | { readonly kind: 'separate'; readonly gate: string; readonly up: string; readonly down: string }
  | { readonly kind: 'fused'; readonly input: string; readonly output: string }
)

/** The names in which the families differ, below `model.layers.N.`. Separate experts have their number after `at`. */
export interface TensorNames {
  readonly router: string
  readonly experts: MlpNames
  readonly shared: MlpNames | null
}

const EMBEDDING = 'model.embed_tokens.weight'
const HEAD = 'lm_head.weight'

const DENSE: MlpNames = { at: 'mlp.', kind: 'separate', gate: 'gate_proj', up: 'up_proj', down: 'down_proj' }

/** Trunk names that all families spell alike, below the layer's prefix on both sides. */
const LAYER_NAMES: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm.weight',
  q: 'self_attn.q_proj.weight',
  k: 'self_attn.k_proj.weight',
  v: 'self_attn.v_proj.weight',
  o: 'self_attn.o_proj.weight',
  q_bias: 'self_attn.q_proj.bias',
  k_bias: 'self_attn.k_proj.bias',
  v_bias: 'self_attn.v_proj.bias',
  o_bias: 'self_attn.o_proj.bias',
  q_norm: 'self_attn.q_norm.weight',
  k_norm: 'self_attn.k_norm.weight',
  ffn_norm: 'post_attention_layernorm.weight',
}

/** Places of all tensors of a model whose family uses `names`. Throws if the family has no name for a tensor of its own spec. */
export function tensorSources(spec: ModelSpec, names: TensorNames): TensorSources {
  const places = placesOf(spec, names)
  const trunk = new Map(
    trunkTensors(spec).map(({ name, kind, rows, cols }) => {
      const place = places.get(name)
      if (!place) throw new Error(`no checkpoint name for ${name}`)
      return [name, typeof place === 'string' ? whole(place, kind === 'vector' ? [cols] : [rows, cols]) : place]
    }),
  )
  const expert = (layer: number, id: number) => expertSources(spec, names.experts, `model.layers.${layer}.`, id)
  return { trunk, expert, tensorNames: () => allNames(spec, trunk, expert), redundant: redundantTensors(spec) }
}

/** By trunk name: the checkpoint's name of a tensor that has the same shape there, or the exact place of one that has not. */
function placesOf(spec: ModelSpec, names: TensorNames): Map<string, string | TensorSource> {
  const places = new Map<string, string | TensorSource>([
    ['embed', EMBEDDING],
    ['norm', 'model.norm.weight'],
    ['head', HEAD],
  ])
  const { hidden, shared } = spec
  spec.layers.forEach(({ ffn }, layer) => {
    const [ours, theirs] = [`layers.${layer}.`, `model.layers.${layer}.`]
    for (const [name, place] of Object.entries(LAYER_NAMES)) places.set(ours + name, theirs + place)
    places.set(`${ours}router`, `${theirs}${names.router}.weight`)
    if (ffn.kind === 'dense') setMlp(places, `${ours}mlp.`, mlpSources(DENSE, theirs, ffn.width, hidden))
    if (!shared || !names.shared) return
    setMlp(places, `${ours}shared.`, mlpSources(names.shared, theirs, shared.width, hidden))
    places.set(`${ours}shared.mix`, whole(`${theirs}mlp.shared_expert_gate.weight`, [1, hidden]))
  })
  return places
}

function setMlp(places: Map<string, string | TensorSource>, prefix: string, { gate, up, down }: ExpertSources): void {
  places.set(`${prefix}gate`, gate).set(`${prefix}up`, up).set(`${prefix}down`, down)
}

function mlpSources(names: MlpNames, layerPrefix: string, width: number, hidden: number): ExpertSources {
  const name = (part: string) => `${layerPrefix}${names.at}${part}.weight`
  if (names.kind === 'separate') {
    return { gate: whole(name(names.gate), [width, hidden]), up: whole(name(names.up), [width, hidden]), down: whole(name(names.down), [hidden, width]) }
  }
  const input = whole(name(names.input), [2 * width, hidden])
  return { gate: input, up: { ...input, rowOffset: width }, down: whole(name(names.output), [hidden, width]) }
}

function expertSources(spec: ModelSpec, names: MlpNames, layerPrefix: string, expert: number): ExpertSources {
  const { width } = spec.expert
  if (names.kind === 'separate') return mlpSources({ ...names, at: `${names.at}${expert}.` }, layerPrefix, width, spec.hidden)
  const one = mlpSources(names, layerPrefix, width, spec.hidden)
  const stacked = (source: TensorSource): TensorSource => ({
    tensor: source.tensor,
    shape: [spec.router.experts, ...source.shape],
    rowOffset: expert * source.shape[0]! + source.rowOffset,
  })
  return { gate: stacked(one.gate), up: stacked(one.up), down: stacked(one.down) }
}

function whole(tensor: string, shape: readonly number[]): TensorSource {
  return { tensor, shape, rowOffset: 0 }
}

function allNames(spec: ModelSpec, trunk: ReadonlyMap<string, TensorSource>, expertOf: TensorSources['expert']): Set<string> {
  const names = new Set([...trunk.values()].map((source) => source.tensor))
  spec.layers.forEach(({ ffn }, layer) => {
    if (ffn.kind === 'dense') return
    for (let expert = 0; expert < spec.router.experts; expert++) {
      const { gate, up, down } = expertOf(layer, expert)
      names.add(gate.tensor).add(up.tensor).add(down.tensor)
    }
  })
  return names
}

/** Old exports keep RoPE's inverse frequencies, and the head of a tied model (which transformers ties only if it is equal). */
function redundantTensors(spec: ModelSpec): Map<string, string | null> {
  const redundant = new Map<string, string | null>([['model.rotary_emb.inv_freq', null]])
  spec.layers.forEach((_, layer) => redundant.set(`model.layers.${layer}.self_attn.rotary_emb.inv_freq`, null))
  if (spec.tiedHead) redundant.set(HEAD, EMBEDDING)
  return redundant
}
