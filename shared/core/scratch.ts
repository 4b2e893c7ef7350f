import { LIMITS } from '../protocol/limits.ts'
import { contextPages, headStrideFloats } from './kv-layout.ts'
import { padCols, padRows, xRecordsBytes } from './layout.ts'
import type { ModelSpec } from './model-spec.ts'
import { KV_PAGE_POSITIONS } from './records.ts'

/** Tokens that a host computes at once for one expert: bounds its scratch. */
export const HOST_ROWS = 32
/** Header and tables of a frame, at most. */
const FRAME_OVERHEAD_BYTES = 256 * 1024
/** Prompt tokens of a step while sequences decode, unless told. */
export const CHUNK_DEFAULT = 64
/** Logits rows that the engine holds at once. */
export const LOGITS_ROWS = 4

/** Bytes of one token in each of a lane's buffers; a buffer holds `stepTokens` of them. The one list for budget and allocation. */
export function engineTokenBytes(spec: ModelSpec) {
  const { heads, kvHeads, headDim } = spec.attention
  const hidden = padCols(spec.hidden) * 4
  const inner = padCols(ffnWidth(spec)) * 4
  const headRow = headStrideFloats(headDim) * 4
  return {
    residual: hidden,
    normed: hidden,
    normedQ: xRecordsBytes(spec.hidden),
    block: hidden,
    shared: spec.shared ? hidden : 0,
    q: padCols(heads * headDim) * 4,
    k: padCols(kvHeads * headDim) * 4,
    v: padCols(kvHeads * headDim) * 4,
    qHeads: heads * headRow,
    attended: padCols(heads * headDim) * 4,
    attendedQ: xRecordsBytes(heads * headDim),
    positions: 4,
    tables: 4,
    pages: 4,
    cos: headRow,
    sin: headRow,
    gateUp: 2 * inner,
    inner: xRecordsBytes(ffnWidth(spec)),
    routerLogits: padRows(spec.router.experts) * 4,
    routerIds: spec.router.topK * 4,
    routerWeights: spec.router.topK * 4,
    rows: spec.router.topK * hidden,
    rowOf: spec.router.topK * 4,
    gather: 4,
  } as const
}

/** Bytes of the engine's buffers that do not grow with the step. Lanes share them: what is in them is used up before a step next waits. */
export function engineFixedBytes(spec: ModelSpec) {
  return {
    routerScratch: padRows(spec.router.experts) * 8,
    heads: Math.max(spec.attention.heads, spec.attention.kvHeads) * headStrideFloats(spec.attention.headDim) * 4,
    attention: attentionScratchBytes(spec),
    logits: LOGITS_ROWS * padRows(spec.vocab) * 4,
    pageTables: LIMITS.runningMax * contextPages(spec) * 4,
  } as const
}

/**
 * What attention writes for one tile, in tiers of int8 pages: words a row, codes of queries and of a block of weights, and for each of 4 rows
 * sums and a score a position (wasm/assembly/attention-i8.ts). The f32 tier needs the scores of one row only.
 */
export function attentionScratchBytes(spec: ModelSpec): number {
  const panels = Math.ceil(spec.attention.headDim / 8)
  const scores = contextPages(spec) * KV_PAGE_POSITIONS * 4 + 64
  return 128 + panels * 64 + 128 * 8 + 4 * (panels * 32 + scores)
}

/** Lanes of an engine whose hosts are across a network. */
export const NETWORK_LANES = 4

/** Sizes of the steps: how many at once, how many tokens each may have, how many sequences may run, how much of a prompt a step takes. */
export interface StepLimits {
  /** Steps under way at once, each in buffers of its own. */
  readonly lanes: number
  /** Tokens of one lane's step. */
  readonly stepTokens: number
  /** Sequences, all lanes together. */
  readonly running: number
  /** Prompt tokens of a step while sequences decode. */
  readonly chunk: number
}

/** Bytes of one frame of a step. Every lane may have one under way, and all of them share the isolate's transfer bytes. */
export function laneFrameBytes(lanes: number): number {
  return Math.floor(Math.min(LIMITS.frameBytesMax, LIMITS.transferBytes) / lanes)
}

/**
 * A step as large as a lane's frame allows: all its pairs may go to one host and come back in one message. A lane has room for its part of the sequences
 * and a chunk of prompts beside them; half of a small step stays for decodes, so that a prompt never starves them. Lanes divide the chunk, but not
 * below HOST_ROWS, what a host computes at once: smaller ones would cost prompts more than they save memory. SPEC SC1, SC10.
 * @returns fewer than two tokens where not even a decode and a prompt token fit: such a model cannot be served.
 */
export function stepLimits(spec: ModelSpec, chunk: number, lanes: number): StepLimits {
  const { topK } = spec.router
  const rowBytes = topK * padCols(spec.hidden) * 4
  const fits = Math.min(Math.floor((laneFrameBytes(lanes) - FRAME_OVERHEAD_BYTES) / rowBytes), Math.floor(LIMITS.framePairsMax / topK), LIMITS.frameTokensMax)
  const chunkTokens = Math.min(chunk, Math.max(HOST_ROWS, Math.ceil(chunk / lanes)), Math.floor(fits / 2))
  const running = Math.min(LIMITS.runningMax, lanes * (fits - chunkTokens))
  return { lanes, stepTokens: Math.ceil(running / lanes) + chunkTokens, running, chunk: chunkTokens }
}

/** Bytes of one token in each of a host's buffers; a buffer holds HOST_ROWS of them. */
export function hostTokenBytes(spec: ModelSpec) {
  const hidden = padCols(spec.hidden) * 4
  const inner = padCols(spec.expert.width) * 4
  return { x: hidden, xQ: xRecordsBytes(spec.hidden), gateUp: 2 * inner, inner: xRecordsBytes(spec.expert.width), out: hidden } as const
}

/** The widest feed-forward block that runs in the engine: a shared expert or a dense layer; 0 for none. */
function ffnWidth(spec: ModelSpec): number {
  const dense = spec.layers.map((layer) => (layer.ffn.kind === 'dense' ? layer.ffn.width : 0))
  return Math.max(spec.shared?.width ?? 0, ...dense)
}
