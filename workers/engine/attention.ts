import { headStrideFloats, kvLayerBytes } from '../../shared/core/kv-layout.ts'
import { padCols } from '../../shared/core/layout.ts'
import { linear, quantize } from '../../wasm/src/linear.ts'
import type { EngineMemory } from './engine-memory.ts'
import type { StepBatch } from './step-batch.ts'
import type { LayerWeights } from './trunk-weights.ts'

/**
 * The attention block of one layer: residual += multiplier · o(attend(q, k, v)) for every token of the batch.
 * All keys and values of the batch are stored before any query attends, so a chunk's tokens see each other as decoded tokens would. SPEC NU2, NU4.
 */
export function attentionBlock(memory: EngineMemory, weights: LayerWeights, layer: number, batch: StepBatch): void {
  const { kernels: k, buffer, stride, spec } = memory
  const quantized = memory.tier !== 'f32'
  const { tokens } = batch
  k.rmsnorm(buffer.residual, weights.attnNorm, buffer.normed, spec.hidden, spec.norm.eps, tokens, stride.residual, stride.normed)
  const x = { f32: buffer.normed, f32Stride: stride.normed, q8: buffer.normedQ, q8Stride: stride.normedQ }
  quantize(k, quantized, x, spec.hidden, tokens)
  linear(k, weights.q, x, buffer.q, stride.q, tokens)
  linear(k, weights.k, x, buffer.k, stride.k, tokens)
  linear(k, weights.v, x, buffer.v, stride.v, tokens)
  shapeProjections(memory, weights, tokens)
  prepareHeads(memory, weights, layer, tokens)
  attend(memory, weights, layer, tokens)
  const attended = { f32: buffer.attended, f32Stride: stride.attended, q8: buffer.attendedQ, q8Stride: stride.attendedQ }
  quantize(k, quantized, attended, spec.attention.heads * spec.attention.headDim, tokens)
  linear(k, weights.o, attended, buffer.block, stride.block, tokens)
  if (weights.oBias) k.add_rows(buffer.block, weights.oBias, spec.hidden, tokens, stride.block)
  k.axpy(buffer.residual, buffer.block, spec.multipliers.residual, tokens * padCols(spec.hidden)) // the rows lie back to back in both
}

/** What families do to whole rows of q, k and v: biases, norm over the row, clamp. Rows lie back to back, their padding is zero. */
function shapeProjections(memory: EngineMemory, weights: LayerWeights, tokens: number): void {
  const { kernels: k, buffer, stride, spec } = memory
  const { heads, kvHeads, headDim, qkNorm, clip } = spec.attention
  const [qWidth, kvWidth] = [heads * headDim, kvHeads * headDim]
  if (weights.qBias) {
    k.add_rows(buffer.q, weights.qBias, qWidth, tokens, stride.q)
    k.add_rows(buffer.k, weights.kBias, kvWidth, tokens, stride.k)
    k.add_rows(buffer.v, weights.vBias, kvWidth, tokens, stride.v)
  }
  if (qkNorm === 'row') {
    k.rmsnorm(buffer.q, weights.qNorm, buffer.q, qWidth, spec.norm.eps, tokens, stride.q, stride.q)
    k.rmsnorm(buffer.k, weights.kNorm, buffer.k, kvWidth, spec.norm.eps, tokens, stride.k, stride.k)
  }
  if (clip !== null) {
    k.clamp_row(buffer.q, clip, tokens * padCols(qWidth))
    k.clamp_row(buffer.k, clip, tokens * padCols(kvWidth))
    k.clamp_row(buffer.v, clip, tokens * padCols(kvWidth))
  }
}

/** Norm per head, RoPE, and k, v into their pages: one call for all tokens, whose positions and pages the batch left in memory. */
export function prepareHeads(memory: EngineMemory, weights: Pick<LayerWeights, 'qNorm' | 'kNorm'>, layer: number, tokens: number): void {
  const { kernels: k, buffer, stride, spec, tier } = memory
  const { heads, kvHeads, headDim, qkNorm } = spec.attention
  const byHead = qkNorm === 'head'
  k.prepare_heads(
    tier === 'f32' ? 0 : 1,
    buffer.q,
    buffer.k,
    buffer.v,
    buffer.qHeads,
    stride.q,
    stride.k,
    stride.v,
    stride.qHeads,
    buffer.cos,
    buffer.sin,
    stride.cos,
    buffer.positions,
    buffer.pages,
    tokens,
    layer * kvLayerBytes(spec, tier),
    byHead ? weights.qNorm : 0,
    byHead ? weights.kNorm : 0,
    spec.norm.eps,
    heads,
    kvHeads,
    headDim,
    headStrideFloats(headDim) * 4,
    buffer.heads,
  )
}

export function attend(memory: EngineMemory, weights: Pick<LayerWeights, 'window'>, layer: number, tokens: number): void {
  const { kernels: k, buffer, stride, spec, tier } = memory
  const { heads, kvHeads, headDim, scale } = spec.attention
  const attention = tier === 'f32' ? k.attention_f32 : k.attention_i8
  attention(
    buffer.qHeads,
    stride.qHeads,
    buffer.positions,
    buffer.tables,
    tokens,
    layer * kvLayerBytes(spec, tier),
    buffer.attended,
    stride.attended,
    buffer.attention,
    weights.window ?? 0,
    heads,
    kvHeads,
    headDim,
    headStrideFloats(headDim) * 4,
    scale,
  )
}
