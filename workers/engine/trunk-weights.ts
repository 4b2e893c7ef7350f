import { ropeTurns } from '../../shared/core/rope.ts'
import type { RopeTurns } from '../../shared/core/rope.ts'
import type { Matrix } from '../../wasm/src/linear.ts'
import type { SwigluWeights } from '../../wasm/src/swiglu.ts'
import type { EngineMemory } from './engine-memory.ts'

/** Addresses of one layer's trunk weights; 0 and null where the model has none. */
export interface LayerWeights {
  readonly attnNorm: number
  readonly q: Matrix
  readonly k: Matrix
  readonly v: Matrix
  readonly o: Matrix
  readonly qBias: number
  readonly kBias: number
  readonly vBias: number
  readonly oBias: number
  readonly qNorm: number
  readonly kNorm: number
  readonly ffnNorm: number
  readonly window: number | null
  readonly ffn: { readonly kind: 'dense'; readonly mlp: SwigluWeights } | MoeWeights
}

export interface MoeWeights {
  readonly kind: 'moe'
  readonly router: Matrix
  readonly routerBias: number
  readonly shared: SwigluWeights | null
  /** [hidden] of the shared expert's sigmoid mix; 0 for none. */
  readonly sharedMix: number
}

export interface TrunkWeights {
  readonly embed: Matrix
  readonly head: Matrix
  readonly norm: number
  readonly rope: RopeTurns
  readonly layers: readonly LayerWeights[]
}

/** Resolves names to addresses once, so that the layer loop looks nothing up. */
export function resolveTrunk(memory: EngineMemory): TrunkWeights {
  const { spec } = memory
  const embed = memory.matrix('embed')
  return {
    embed,
    head: spec.tiedHead ? embed : memory.matrix('head'),
    norm: memory.vector('norm'),
    rope: ropeTurns(spec),
    layers: spec.layers.map((_, layer) => resolveLayer(memory, layer)),
  }
}

function resolveLayer(memory: EngineMemory, layer: number): LayerWeights {
  const { attention, layers } = memory.spec
  const p = `layers.${layer}.`
  const vectorIf = (has: boolean, name: string) => (has ? memory.vector(p + name) : 0)
  const normed = attention.qkNorm !== 'none'
  return {
    attnNorm: memory.vector(`${p}attn_norm`),
    q: memory.matrix(`${p}q`),
    k: memory.matrix(`${p}k`),
    v: memory.matrix(`${p}v`),
    o: memory.matrix(`${p}o`),
    qBias: vectorIf(attention.qkvBias, 'q_bias'),
    kBias: vectorIf(attention.qkvBias, 'k_bias'),
    vBias: vectorIf(attention.qkvBias, 'v_bias'),
    oBias: vectorIf(attention.outputBias, 'o_bias'),
    qNorm: vectorIf(normed, 'q_norm'),
    kNorm: vectorIf(normed, 'k_norm'),
    ffnNorm: memory.vector(`${p}ffn_norm`),
    window: layers[layer]!.window,
    ffn: resolveFfn(memory, layer, p),
  }
}

function resolveFfn(memory: EngineMemory, layer: number, p: string): LayerWeights['ffn'] {
  const { ffn } = memory.spec.layers[layer]!
  if (ffn.kind === 'dense') return { kind: 'dense', mlp: resolveMlp(memory, `${p}mlp.`, ffn.width) }
  const { router, shared } = memory.spec
  return {
    kind: 'moe',
    router: memory.matrix(`${p}router`),
    routerBias: router.selectionBias ? memory.vector(`${p}router_bias`) : 0,
    shared: shared ? resolveMlp(memory, `${p}shared.`, shared.width) : null,
    sharedMix: shared?.mix === 'sigmoid' ? memory.vector(`${p}shared.mix`) : 0,
  }
}

function resolveMlp(memory: EngineMemory, p: string, width: number): SwigluWeights {
  return { gate: memory.matrix(`${p}gate`), up: memory.matrix(`${p}up`), down: memory.matrix(`${p}down`), width }
}
