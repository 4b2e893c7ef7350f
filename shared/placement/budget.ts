import { encodedBytes } from '../core/layout.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import { contextPages, engineFixedBytes, engineTokenBytes, headStrideFloats, HOST_ROWS, hostTokenBytes } from '../core/scratch.ts'
import { trunkTensors } from '../core/tensors.ts'
import type { TrunkTensor } from '../core/tensors.ts'
import { fail } from '../protocol/errors.ts'
import type { MoeErrorOf } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { ok } from '../protocol/result.ts'
import type { Result } from '../protocol/result.ts'
import { trunkEncoding } from '../protocol/tiers.ts'
import type { Encoding, Tier } from '../protocol/tiers.ts'

/** Slack for alignment, per allocated buffer. */
const ALIGN_BYTES = 64

/** Bytes of an engine's WASM memory, part by part. */
export interface EngineBudget {
  readonly trunkBytes: number
  readonly scratchBytes: number
  readonly kvPageBytes: number
  readonly kvPages: number
  /** Positions a sequence may have: the model's, or what the KV pages hold. */
  readonly contextTokens: number
  readonly totalBytes: number
}

/** Bytes of one KV page: keys and values of LIMITS.pagePositions positions in every layer, f32. */
export function kvPageBytes(spec: ModelSpec): number {
  const { kvHeads, headDim } = spec.attention
  return spec.layers.length * 2 * kvHeads * LIMITS.pagePositions * headStrideFloats(headDim) * 4
}

/** How the pack stores a trunk tensor at a tier. */
export function tensorEncoding(tensor: TrunkTensor, tier: Tier): Encoding {
  if (tensor.kind === 'vector') return 'f32-vector'
  return tensor.precision === 'f32' ? 'f32-matrix' : trunkEncoding(tier)
}

export function trunkBytes(spec: ModelSpec, tier: Tier): number {
  return trunkTensors(spec).reduce((sum, t) => sum + aligned(encodedBytes(tensorEncoding(t, tier), t.rows, t.cols)), 0)
}

/**
 * Fits trunk, scratch for a step of `stepTokens`, and KV pages into one isolate. What is left after trunk and scratch is KV,
 * at most what LIMITS.runningMax whole contexts need. Fails with `over-budget` where the trunk leaves no room for a page.
 */
export function planEngineMemory(spec: ModelSpec, tier: Tier, stepTokens: number): Result<EngineBudget, MoeErrorOf<'over-budget'>> {
  const trunk = trunkBytes(spec, tier)
  const scratch = engineScratchBytes(spec, stepTokens)
  const page = kvPageBytes(spec)
  const budget = LIMITS.isolateBytes - LIMITS.scriptHeapBytes
  const kvPages = Math.min(LIMITS.runningMax * contextPages(spec), Math.floor((budget - trunk - scratch) / page))
  const totalBytes = trunk + scratch + Math.max(kvPages, 1) * page
  if (kvPages < 1) {
    return fail('over-budget', `the engine needs ${totalBytes} bytes, its budget is ${budget}: the trunk does not fit one isolate`, {
      part: 'engine',
      bytes: totalBytes,
      budgetBytes: budget,
    })
  }
  const contextTokens = Math.min(spec.context, kvPages * LIMITS.pagePositions)
  return ok({ trunkBytes: trunk, scratchBytes: scratch, kvPageBytes: page, kvPages, contextTokens, totalBytes })
}

function engineScratchBytes(spec: ModelSpec, stepTokens: number): number {
  const perToken = Object.values(engineTokenBytes(spec)).map((bytes) => aligned(bytes * stepTokens))
  const fixed = Object.values(engineFixedBytes(spec)).map(aligned)
  return sum(perToken) + sum(fixed)
}

/** Bytes of a host's WASM memory beside its arena: one expert at work on HOST_ROWS tokens, rows of a whole frame beside it. */
export function hostScratchBytes(spec: ModelSpec): number {
  return sum(Object.values(hostTokenBytes(spec)).map((bytes) => aligned(bytes * HOST_ROWS)))
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
