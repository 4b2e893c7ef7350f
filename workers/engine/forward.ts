import { padCols, padRows } from '../../shared/core/layout.ts'
import { ropeTable } from '../../shared/core/rope.ts'
import { LOGITS_ROWS } from '../../shared/core/scratch.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { linear, quantize } from '../../wasm/src/linear.ts'
import { swiglu } from '../../wasm/src/swiglu.ts'
import { attentionBlock } from './attention.ts'
import type { EngineMemory } from './engine-memory.ts'
import type { StepBatch } from './step-batch.ts'
import type { LayerWeights, MoeWeights, TrunkWeights } from './trunk-weights.ts'

const DONE = ok(undefined)

/**
 * Runs the routed experts that the router chose for `tokens` tokens of a layer, and leaves their rows in the engine's `rows` buffer, and
 * in `rowOf` which is whose.
 */
export type RunExperts = (layer: number, tokens: number) => Promise<Result<void, MoeError>>

/** Gets the logits [vocab] of one token of the batch and the id of the largest, −1 when one is NaN; the array is valid only during the call. */
export type OnLogits = (token: number, logits: Float32Array, best: number) => void

/** What a step asks of its surroundings. `pause`: see EngineDeps. */
export interface StepHooks {
  readonly runExperts: RunExperts
  readonly pause: () => Promise<void> | null
  readonly onLogits: OnLogits
}

/**
 * One step of the model for a ragged batch, layer after layer, in the engine's WASM memory. The same formulas as shared/core/forward.ts,
 * on kernels; only the routed experts run elsewhere. Fails where `runExperts` fails: then no logits were given.
 */
export async function forwardStep(memory: EngineMemory, trunk: TrunkWeights, batch: StepBatch, hooks: StepHooks): Promise<Result<void, MoeError>> {
  embed(memory, trunk, batch)
  for (const [layer, weights] of trunk.layers.entries()) {
    attentionBlock(memory, weights, layer, batch)
    const done = await ffnBlock(memory, weights, layer, batch.tokens, hooks.runExperts)
    if (!done.ok) return done
    const pause = hooks.pause()
    if (pause) await pause
  }
  head(memory, trunk, batch, hooks.onLogits)
  return DONE
}

/** The residual stream begins as embedding rows; cos and sin of each token's position serve all layers. */
function embed(memory: EngineMemory, trunk: TrunkWeights, batch: StepBatch): void {
  const { kernels: k, buffer, stride, spec } = memory
  const { embed: e } = trunk
  const cos = memory.arena.f32(buffer.cos, (batch.tokens * stride.cos) / 4)
  const sin = memory.arena.f32(buffer.sin, (batch.tokens * stride.sin) / 4)
  for (let t = 0; t < batch.tokens; t++) {
    const x = buffer.residual + t * stride.residual
    if (e.encoding === 'q8') k.row_q8(e.ptr, e.lo, batch.ids[t]!, e.cols, x)
    else if (e.encoding === 'q4') k.row_q4(e.ptr, batch.ids[t]!, e.cols, x)
    else k.row_f32(e.ptr, batch.ids[t]!, e.cols, x)
    if (spec.multipliers.embedding !== 1) k.scale_row(x, spec.multipliers.embedding, e.cols)
    ropeTable(trunk.rope, batch.positions[t]!, cos, sin, (t * stride.cos) / 4)
  }
}

async function ffnBlock(memory: EngineMemory, weights: LayerWeights, layer: number, tokens: number, runExperts: RunExperts): Promise<Result<void, MoeError>> {
  const { kernels: k, buffer, stride, spec } = memory
  k.rmsnorm(buffer.residual, weights.ffnNorm, buffer.normed, spec.hidden, spec.norm.eps, tokens, stride.residual, stride.normed)
  const x = { f32: buffer.normed, f32Stride: stride.normed, q8: buffer.normedQ, q8Stride: stride.normedQ }
  quantize(k, memory.tier !== 'f32', x, spec.hidden, tokens)
  if (weights.ffn.kind === 'dense') {
    swiglu(k, weights.ffn.mlp, x, buffer, buffer.block, stride.block, tokens)
    k.axpy(buffer.residual, buffer.block, spec.multipliers.residual, tokens * padCols(spec.hidden)) // the rows lie back to back in both
  } else {
    route(memory, weights.ffn, tokens)
    const experts = runExperts(layer, tokens) // frames are away from here on
    try {
      runShared(memory, weights.ffn, tokens)
    } catch (fault) {
      await experts // a reply that came later would be written into the next step
      throw fault
    }
    const done = await experts
    if (!done.ok) return done
    combine(memory, weights.ffn, tokens)
  }
  return DONE
}

/** Router logits in f32 in every tier, then the experts of each token in ascending order with their combine weights. */
function route(memory: EngineMemory, weights: MoeWeights, tokens: number): void {
  const { kernels: k, buffer, stride, spec } = memory
  const { router } = spec
  k.gemm_f32(weights.router.ptr, buffer.normed, buffer.routerLogits, weights.router.rows, weights.router.cols, tokens, stride.normed, stride.routerLogits)
  const score = router.score === 'softmax' ? 0 : 1
  const order = router.order === 'score-then-topk' ? 0 : 1
  k.router_topk(
    buffer.routerLogits,
    weights.routerBias,
    router.experts,
    router.topK,
    score,
    order,
    router.normalize ? 1 : 0,
    router.scale,
    buffer.routerIds,
    buffer.routerWeights,
    buffer.routerScratch,
    tokens,
    stride.routerLogits,
  )
}

function runShared(memory: EngineMemory, weights: MoeWeights, tokens: number): void {
  const { kernels: k, buffer, stride, spec } = memory
  if (!weights.shared) return
  const x = { f32: buffer.normed, f32Stride: stride.normed, q8: buffer.normedQ, q8Stride: stride.normedQ }
  swiglu(k, weights.shared, x, buffer, buffer.shared, stride.shared, tokens)
  if (!weights.sharedMix) return
  const cols = padCols(spec.hidden)
  for (let t = 0; t < tokens; t++) {
    const mix = k.sigmoid(k.dot_f32(buffer.normed + t * stride.normed, weights.sharedMix, cols))
    k.scale_row(buffer.shared + t * stride.shared, mix, cols)
  }
}

/** residual += multiplier · (Σ w_e · row_e in ascending expert order, then the shared expert's row). SPEC NU4. */
function combine(memory: EngineMemory, weights: MoeWeights, tokens: number): void {
  const { kernels: k, buffer, stride, spec } = memory
  k.combine_rows(
    buffer.residual,
    stride.residual,
    buffer.rows,
    stride.normed,
    buffer.rowOf,
    buffer.routerWeights,
    spec.router.topK,
    weights.shared ? buffer.shared : 0,
    stride.shared,
    spec.multipliers.residual,
    padCols(spec.hidden),
    tokens,
  )
}

/** Logits of the tokens that ask for them, LOGITS_ROWS at a time; their normed states borrow the step's buffer. */
function head(memory: EngineMemory, trunk: TrunkWeights, batch: StepBatch, onLogits: OnLogits): void {
  const { kernels: k, buffer, stride, spec } = memory
  const logitsStride = padRows(spec.vocab) * 4
  const x = { f32: buffer.normed, f32Stride: stride.normed, q8: buffer.normedQ, q8Stride: stride.normedQ }
  const rowsMax = Math.min(LOGITS_ROWS, memory.stepTokens)
  for (let first = 0; first < batch.logitsOf.length; first += rowsMax) {
    const tokens = batch.logitsOf.slice(first, first + rowsMax)
    for (const [i, t] of tokens.entries())
      k.rmsnorm(buffer.residual + t * stride.residual, trunk.norm, buffer.normed + i * stride.normed, spec.hidden, spec.norm.eps, 1, 0, 0)
    quantize(k, trunk.head.encoding !== 'f32-matrix', x, spec.hidden, tokens.length)
    linear(k, trunk.head, x, buffer.logits, logitsStride, tokens.length)
    for (const [i, t] of tokens.entries()) {
      const row = buffer.logits + i * logitsStride
      if (spec.multipliers.logitsDivisor !== 1) k.scale_row(row, 1 / spec.multipliers.logitsDivisor, padRows(spec.vocab))
      onLogits(t, memory.arena.f32(row, spec.vocab), k.argmax(row, spec.vocab))
    }
  }
}
