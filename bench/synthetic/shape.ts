import type { ModelSpec } from '../../shared/core/model-spec.ts'

/** A Qwen3-MoE model as far as speed sees it: every peer can load this architecture. */
export interface SyntheticShape {
  readonly hidden: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly experts: number
  readonly topK: number
  readonly expertWidth: number
  readonly vocab: number
  readonly context: number
}

/** 864.6 M weights, 151.5 M of them active for a token: too large for one isolate, small enough for a laptop. */
export const FULL_SHAPE: SyntheticShape = {
  hidden: 1024,
  layers: 16,
  heads: 16,
  kvHeads: 4,
  headDim: 64,
  experts: 32,
  topK: 4,
  expertWidth: 512,
  vocab: 8192,
  context: 4096,
}

/** For `--quick`: loads in a moment, measures nothing. */
export const QUICK_SHAPE: SyntheticShape = {
  hidden: 256,
  layers: 3,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  experts: 8,
  topK: 2,
  expertWidth: 128,
  vocab: 1024,
  context: 1024,
}

/** What isomoe serves a shape as. Greedy decoding never ends early: no token is an end. */
export function specOf(shape: SyntheticShape): ModelSpec {
  const { hidden, vocab, context, heads, kvHeads, headDim, experts, topK } = shape
  return {
    family: 'qwen3_moe',
    vocab,
    hidden,
    context,
    attention: { heads, kvHeads, headDim, scale: 1 / Math.sqrt(headDim), qkvBias: false, outputBias: false, qkNorm: 'head', clip: null },
    norm: { kind: 'rms', eps: 1e-6 },
    rope: { kind: 'default', theta: 10000 },
    layers: Array.from({ length: shape.layers }, () => ({ window: null, ffn: { kind: 'moe' } })),
    router: { experts, topK, score: 'softmax', order: 'score-then-topk', normalize: true, scale: 1, selectionBias: false, groups: null },
    expert: { activation: 'swiglu', width: shape.expertWidth },
    shared: null,
    multipliers: { embedding: 1, residual: 1, logitsDivisor: 1 },
    tiedHead: false,
    tokens: { bos: null, eos: [] },
  }
}

/** Weights that one token is multiplied with: attention, router, its experts and the head, not its row of the embedding. */
export function activeWeights(shape: SyntheticShape): number {
  return shape.layers * (attentionWeights(shape) + shape.hidden * shape.experts + shape.topK * expertWeights(shape)) + shape.hidden * shape.vocab
}

/** All weights, norms included. */
export function totalWeights(shape: SyntheticShape): number {
  const norms = 2 * shape.hidden + 2 * shape.headDim
  const layer = attentionWeights(shape) + norms + shape.hidden * shape.experts + shape.experts * expertWeights(shape)
  return shape.layers * layer + shape.hidden + 2 * shape.hidden * shape.vocab
}

function attentionWeights({ hidden, heads, kvHeads, headDim }: SyntheticShape): number {
  return 2 * hidden * headDim * (heads + kvHeads)
}

function expertWeights({ hidden, expertWidth }: SyntheticShape): number {
  return 3 * hidden * expertWidth
}
