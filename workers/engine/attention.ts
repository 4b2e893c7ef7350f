import { padCols, padRows } from '../../shared/core/layout.ts'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { headStrideFloats } from '../../shared/core/scratch.ts'
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
  addBiases(memory, weights, tokens)
  for (let t = 0; t < tokens; t++) prepareHeads(memory, weights, layer, batch, t)
  for (let t = 0; t < tokens; t++) attend(memory, weights, layer, batch, t)
  const attended = { f32: buffer.attended, f32Stride: stride.attended, q8: buffer.attendedQ, q8Stride: stride.attendedQ }
  quantize(k, quantized, attended, spec.attention.heads * spec.attention.headDim, tokens)
  linear(k, weights.o, attended, buffer.block, stride.block, tokens)
  if (weights.oBias) k.add_rows(buffer.block, weights.oBias, spec.hidden, tokens, stride.block)
  for (let t = 0; t < tokens; t++)
    k.axpy(buffer.residual + t * stride.residual, buffer.block + t * stride.block, spec.multipliers.residual, padCols(spec.hidden))
}

function addBiases(memory: EngineMemory, weights: LayerWeights, tokens: number): void {
  const { kernels: k, buffer, stride, spec } = memory
  if (!weights.qBias) return
  const { heads, kvHeads, headDim } = spec.attention
  k.add_rows(buffer.q, weights.qBias, heads * headDim, tokens, stride.q)
  k.add_rows(buffer.k, weights.kBias, kvHeads * headDim, tokens, stride.k)
  k.add_rows(buffer.v, weights.vBias, kvHeads * headDim, tokens, stride.v)
}

/** One token's q, k, v: norm over the row, clamp, split into heads, norm per head, RoPE, and k, v into their page. The order is that of the families. */
function prepareHeads(memory: EngineMemory, weights: LayerWeights, layer: number, batch: StepBatch, t: number): void {
  const { kernels: k, buffer, stride, spec } = memory
  const { heads, kvHeads, headDim, qkNorm, clip } = spec.attention
  const headBytes = headStrideFloats(headDim) * 4
  const q = buffer.q + t * stride.q
  const key = buffer.k + t * stride.k
  const value = buffer.v + t * stride.v
  if (qkNorm === 'row') {
    k.rmsnorm(q, weights.qNorm, q, heads * headDim, spec.norm.eps, 1, 0, 0)
    k.rmsnorm(key, weights.kNorm, key, kvHeads * headDim, spec.norm.eps, 1, 0, 0)
  }
  if (clip !== null) {
    k.clamp_row(q, clip, padRows(heads * headDim))
    k.clamp_row(key, clip, padRows(kvHeads * headDim))
    k.clamp_row(value, clip, padRows(kvHeads * headDim))
  }
  const qHeads = buffer.qHeads + t * stride.qHeads
  const kHeads = buffer.kHeads + t * stride.kHeads
  const vHeads = buffer.vHeads + t * stride.vHeads
  k.split_heads(q, qHeads, heads, headDim, headBytes)
  k.split_heads(key, kHeads, kvHeads, headDim, headBytes)
  k.split_heads(value, vHeads, kvHeads, headDim, headBytes)
  if (qkNorm === 'head') {
    k.rmsnorm(qHeads, weights.qNorm, qHeads, headDim, spec.norm.eps, heads, headBytes, headBytes)
    k.rmsnorm(kHeads, weights.kNorm, kHeads, headDim, spec.norm.eps, kvHeads, headBytes, headBytes)
  }
  const cos = buffer.cos + t * stride.cos
  const sin = buffer.sin + t * stride.sin
  k.rope(qHeads, cos, sin, heads, headDim, headBytes)
  k.rope(kHeads, cos, sin, kvHeads, headDim, headBytes)
  const position = batch.positions[t]!
  k.store_kv(kHeads, vHeads, batch.pages[t]! + layer * layerBytes(memory), position % KV_PAGE_POSITIONS, kvHeads, headBytes)
}

function attend(memory: EngineMemory, weights: LayerWeights, layer: number, batch: StepBatch, t: number): void {
  const { kernels: k, buffer, stride, spec } = memory
  const { heads, kvHeads, headDim, scale } = spec.attention
  const to = batch.positions[t]! + 1
  const from = weights.window === null ? 0 : Math.max(0, to - weights.window)
  const out = buffer.attended + t * stride.attended
  k.attention(
    buffer.qHeads + t * stride.qHeads,
    batch.tables[t]!,
    layer * layerBytes(memory),
    out,
    buffer.scores,
    from,
    to,
    heads,
    kvHeads,
    headDim,
    headStrideFloats(headDim) * 4,
    scale,
  )
}

/** Bytes of one layer's part of a KV page. */
function layerBytes(memory: EngineMemory): number {
  return memory.budget.kvPageBytes / memory.spec.layers.length
}
