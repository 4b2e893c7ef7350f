import { addScaled, clip, dot, matVec, rms, rmsNorm, rotate, scale, sigmoid, softmax, swiglu } from './forward-math.ts'
import { gatherTrunk, type MlpWeights, type MoeWeights, type Weights } from './forward-weights.ts'
import type { ModelSpec } from './model-spec.ts'
import { ropeTable, ropeTurns } from './rope.ts'
import { createRouter } from './router.ts'

/** Keys (rotated) and values of one sequence: for each layer [positions, kvHeads · headDim]. */
export interface KvCache {
  readonly positions: number
  readonly keys: readonly Float32Array[]
  readonly values: readonly Float32Array[]
}

/** What a token did in one layer. */
export interface LayerTrace {
  /** [topK] experts, ascending, and their combine weights; both empty in a dense layer. */
  readonly ids: Int32Array
  readonly weights: Float32Array
  /** Root mean square of the residual stream after the layer. */
  rms: number
}

export interface Forward {
  /** An empty sequence of at most `positions` tokens. */
  createCache(positions: number): KvCache
  /** Runs one token; the positions of a sequence come in order, from 0. Returns logits [vocab], overwritten by the next call. */
  forward(cache: KvCache, token: number, position: number): Float32Array
  /** By layer, of the last call; overwritten by the next. */
  readonly trace: readonly LayerTrace[]
}

/**
 * The readable truth: one token through every family that ModelSpec can say, in scalar TypeScript. Kernels and the served system
 * are tested against it, and it against Hugging Face transformers (SPEC NU1). Storage is f32; sums are f64, in the order of SPEC NU4
 * but without its blocks. All buffers are made here. Throws on weights of a wrong size and on tokens or positions out of range.
 */
export function createForward(spec: ModelSpec, weights: Weights): Forward {
  const { hidden, attention, norm, multipliers, router } = spec
  const { headDim } = attention
  const qWidth = attention.heads * headDim
  const kvWidth = attention.kvHeads * headDim
  const queriesPerKey = attention.heads / attention.kvHeads
  const trunk = gatherTrunk(spec, weights)
  const route = createRouter(router)

  const x = new Float32Array(hidden) // the residual stream
  const normed = new Float32Array(hidden)
  const block = new Float32Array(hidden) // what attention or the feed-forward adds to it
  const row = new Float32Array(hidden) // one expert's output
  const q = new Float32Array(qWidth)
  const k = new Float32Array(kvWidth)
  const v = new Float32Array(kvWidth)
  const attended = new Float32Array(qWidth) // the heads' outputs, side by side
  const scores = new Float64Array(spec.context) // of one head, by position
  const turns = ropeTurns(spec)
  const cos = new Float32Array(headDim / 2)
  const sin = new Float32Array(headDim / 2)
  const routerLogits = new Float32Array(router.experts)
  const logits = new Float32Array(spec.vocab)
  const mlpScratch = new Map(mlpWidths(spec).map((width) => [width, { gate: new Float32Array(width), up: new Float32Array(width) }]))
  const trace = spec.layers.map(({ ffn }): LayerTrace => {
    const chosen = ffn.kind === 'moe' ? router.topK : 0
    return { ids: new Int32Array(chosen), weights: new Float32Array(chosen), rms: 0 }
  })

  function forward(cache: KvCache, token: number, position: number): Float32Array {
    if (!(token >= 0 && token < spec.vocab)) throw new Error(`token ${token} of a vocabulary of ${spec.vocab}`)
    if (!(position >= 0 && position < cache.positions)) throw new Error(`position ${position} of ${cache.positions}`)

    x.set(trunk.embed.subarray(token * hidden, (token + 1) * hidden))
    scale(x, multipliers.embedding)
    ropeTable(turns, position, cos, sin)

    for (const [index, layer] of trunk.layers.entries()) {
      // Attention: project, norm, clip, rotate; remember the key and the value; look back.
      const keys = cache.keys[index]!
      const values = cache.values[index]!
      rmsNorm(normed, x, layer.attnNorm, norm.eps)
      matVec(q, layer.q, normed, layer.qBias)
      matVec(k, layer.k, normed, layer.kBias)
      matVec(v, layer.v, normed, layer.vBias)
      if (layer.qNorm) rmsNorm(q, q, layer.qNorm, norm.eps)
      if (layer.kNorm) rmsNorm(k, k, layer.kNorm, norm.eps)
      if (attention.clip !== null) for (const projected of [q, k, v]) clip(projected, attention.clip)
      rotate(q, cos, sin)
      rotate(k, cos, sin)
      keys.set(k, position * kvWidth)
      values.set(v, position * kvWidth)
      attend(keys, values, layer.window === null ? 0 : Math.max(0, position - layer.window + 1), position)
      matVec(block, layer.o, attended, layer.oBias)
      addScaled(x, multipliers.residual, block)

      // Feed-forward: a dense MLP, or the chosen experts and the shared one.
      rmsNorm(normed, x, layer.ffnNorm, norm.eps)
      if (layer.ffn.kind === 'dense') mlp(block, layer.ffn.mlp, normed)
      else experts(index, layer.ffn)
      addScaled(x, multipliers.residual, block)
      trace[index]!.rms = rms(x)
    }

    rmsNorm(normed, x, trunk.norm, norm.eps)
    matVec(logits, trunk.head, normed, null)
    scale(logits, 1 / multipliers.logitsDivisor)
    return logits
  }

  /** attended = softmax(scale · q · keys) · values, each head over the positions first to last. */
  function attend(keys: Float32Array, values: Float32Array, first: number, last: number): void {
    for (let h = 0; h < attention.heads; h++) {
      const kvAt = Math.floor(h / queriesPerKey) * headDim
      for (let p = first; p <= last; p++) scores[p] = attention.scale * dot(q, h * headDim, keys, p * kvWidth + kvAt, headDim)
      softmax(scores, first, last + 1)
      for (let i = 0; i < headDim; i++) {
        let sum = 0
        for (let p = first; p <= last; p++) sum += scores[p]! * values[p * kvWidth + kvAt + i]!
        attended[h * headDim + i] = sum
      }
    }
  }

  /** block = Σ weight · expert(normed), experts ascending, then the shared expert. */
  function experts(index: number, moe: MoeWeights): void {
    const { ids, weights: combine } = trace[index]!
    matVec(routerLogits, moe.router, normed, null)
    route(routerLogits, 0, moe.routerBias, ids, combine, 0)
    block.fill(0)
    for (const [n, expert] of ids.entries()) {
      mlp(row, weights.expert(index, expert), normed)
      addScaled(block, combine[n]!, row)
    }
    if (!moe.shared) return
    mlp(row, moe.shared, normed)
    addScaled(block, moe.sharedMix ? sigmoid(dot(moe.sharedMix, 0, normed, 0, hidden)) : 1, row)
  }

  /** out = down(silu(gate(x)) · up(x)). */
  function mlp(out: Float32Array, matrices: MlpWeights, input: Float32Array): void {
    const scratch = mlpScratch.get(matrices.gate.length / hidden)
    if (!scratch) throw new Error(`no MLP has ${matrices.gate.length} gate weights`)
    matVec(scratch.gate, matrices.gate, input, null)
    matVec(scratch.up, matrices.up, input, null)
    swiglu(scratch.gate, scratch.up)
    matVec(out, matrices.down, scratch.gate, null)
  }

  function createCache(positions: number): KvCache {
    if (positions > spec.context) throw new Error(`${positions} positions of a context of ${spec.context}`)
    const arrays = () => spec.layers.map(() => new Float32Array(positions * kvWidth))
    return { positions, keys: arrays(), values: arrays() }
  }

  return { createCache, forward, trace }
}

/** Widths of the model's MLPs: experts, shared, dense. */
function mlpWidths(spec: ModelSpec): number[] {
  const dense = spec.layers.flatMap(({ ffn }) => (ffn.kind === 'dense' ? [ffn.width] : []))
  return [...new Set([spec.expert.width, ...(spec.shared ? [spec.shared.width] : []), ...dense])]
}
