import { encodedBytes, padCols } from '../core/layout.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import { contextPages, kvPageBytes } from '../core/kv-layout.ts'
import { engineFixedBytes, engineTokenBytes, HOST_ROWS, hostTokenBytes, laneFrameBytes } from '../core/scratch.ts'
import type { StepLimits } from '../core/scratch.ts'
import { KV_PAGE_POSITIONS } from '../core/records.ts'
import { tensorEncoding, trunkTensors } from '../core/tensors.ts'
import { fail } from '../protocol/errors.ts'
import type { MoeErrorOf } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { ok } from '../protocol/result.ts'
import type { Result } from '../protocol/result.ts'
import { trunkTier } from '../protocol/tiers.ts'
import type { Tier, TrunkPrecision } from '../protocol/tiers.ts'

/** What is left of an isolate for WASM memory. */
export const WASM_BYTES_MAX = LIMITS.isolateBytes - LIMITS.scriptHeapBytes - LIMITS.transferBytes
/** Slack for alignment, per allocated buffer. */
const ALIGN_BYTES = 64

/** Bytes of an engine's WASM memory, part by part. */
export interface EngineBudget {
  /** What the trunk is served at. */
  readonly trunk: Tier
  readonly trunkBytes: number
  readonly scratchBytes: number
  readonly kvPageBytes: number
  readonly kvPages: number
  /** Positions a sequence may have: the model's, or what the KV pages hold. */
  readonly contextTokens: number
  readonly totalBytes: number
}

/**
 * Bytes of one token's keys and values as arithmetic has them, without padding and page: layers · 2 · kvHeads · (headDim codes + one scale);
 * f32: headDim floats. What kvPageBytes / KV_PAGE_POSITIONS is measured against.
 */
export function kvTokenBytesFormula(spec: ModelSpec, tier: Tier): number {
  const { kvHeads, headDim } = spec.attention
  return spec.layers.length * 2 * kvHeads * (tier === 'f32' ? headDim * 4 : headDim + 4)
}

/** @param trunk what it is served at. */
export function trunkBytes(spec: ModelSpec, trunk: Tier): number {
  return trunkTensors(spec).reduce((sum, t) => sum + aligned(encodedBytes(tensorEncoding(t, trunk), t.rows, t.cols)), 0)
}

export interface EngineMemoryOptions {
  /** Precision of the trunk in tiers q8 and q4. */
  readonly trunk?: TrunkPrecision
  /** Fewer KV pages than there is room for: experiments and tests. */
  readonly kvPagesMax?: number
}

/**
 * Fits trunk, scratch for a step of each lane, and KV pages into one isolate. What is left after trunk and scratch is KV,
 * at most what LIMITS.runningMax whole contexts need, and at most `kvPagesMax`. Fails with `over-budget` where the trunk leaves no room for a page.
 */
export function planEngineMemory(
  spec: ModelSpec,
  tier: Tier,
  { lanes, stepTokens }: Pick<StepLimits, 'lanes' | 'stepTokens'>,
  { trunk: precision = 'q8', kvPagesMax = Infinity }: EngineMemoryOptions = {},
): Result<EngineBudget, MoeErrorOf<'over-budget'>> {
  if (stepTokens < 2) {
    const bytes = 2 * spec.router.topK * padCols(spec.hidden) * 4
    const budgetBytes = laneFrameBytes(lanes)
    return fail('over-budget', `the rows of two tokens need ${bytes} bytes, a frame has ${budgetBytes} where there are ${lanes} lanes`, {
      part: 'frame',
      bytes,
      budgetBytes,
    })
  }
  const trunk = trunkTier(tier, precision)
  const weights = trunkBytes(spec, trunk)
  const scratch = engineScratchBytes(spec, stepTokens, lanes)
  const page = kvPageBytes(spec, tier)
  const budget = WASM_BYTES_MAX
  const kvPages = Math.min(kvPagesMax, LIMITS.runningMax * contextPages(spec), Math.floor((budget - weights - scratch) / page))
  const totalBytes = weights + scratch + Math.max(kvPages, 1) * page
  if (kvPages < 1) {
    return fail('over-budget', `the engine needs ${totalBytes} bytes, its budget is ${budget}: the trunk does not fit one isolate`, {
      part: 'engine',
      bytes: totalBytes,
      budgetBytes: budget,
    })
  }
  const contextTokens = Math.min(spec.context, kvPages * KV_PAGE_POSITIONS)
  return ok({ trunk, trunkBytes: weights, scratchBytes: scratch, kvPageBytes: page, kvPages, contextTokens, totalBytes })
}

/** Bytes of the buffers of all lanes' steps. */
export function engineScratchBytes(spec: ModelSpec, stepTokens: number, lanes: number): number {
  const perToken = Object.values(engineTokenBytes(spec)).map((bytes) => aligned(bytes * stepTokens))
  const fixed = Object.values(engineFixedBytes(spec)).map(aligned)
  return lanes * sum(perToken) + sum(fixed)
}

/** Bytes of a host's WASM memory beside its arena: one expert at work on HOST_ROWS tokens. Frames are JavaScript's, and in its part of the budget. */
export function hostScratchBytes(spec: ModelSpec): number {
  return sum(Object.values(hostTokenBytes(spec)).map((bytes) => aligned(bytes * HOST_ROWS)))
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
