import type { ModelSpec } from '../core/model-spec.ts'
import { CHUNK_DEFAULT, stepLimits } from '../core/scratch.ts'
import type { StepLimits } from '../core/scratch.ts'
import { contextPages, kvPageBytes } from '../core/kv-layout.ts'
import { KV_PAGE_POSITIONS } from '../core/records.ts'
import { bytesPerHost, planBasePlacement } from '../placement/base-placement.ts'
import { engineScratchBytes, hostScratchBytes, planEngineMemory, trunkBytes, WASM_BYTES_MAX } from '../placement/budget.ts'
import { expertBytesByLayer, expertSlotBytes } from '../placement/expert-bytes.ts'
import { hostNames } from '../placement/host-names.ts'
import { hostsNeeded } from '../placement/hosts-needed.ts'
import type { Placement } from '../placement/placement.ts'
import { fail } from '../protocol/errors.ts'
import type { MoeError, MoeErrorOf } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { ok } from '../protocol/result.ts'
import type { Result } from '../protocol/result.ts'
import { trunkTier } from '../protocol/tiers.ts'
import type { Tier, TrunkPrecision } from '../protocol/tiers.ts'
import { tokenizerIsolateBytes } from './tokenizer-bytes.ts'

export interface DeploymentInput {
  readonly spec: ModelSpec
  readonly tier: Tier
  readonly trunk: TrunkPrecision
  readonly lanes: number
  /** Positions that one sequence must be able to have. */
  readonly context: number
  /** Null: the fewest that hold the experts. */
  readonly hosts: number | null
  readonly standby: number
  /** Bytes of the tokenizer's file that the gateway reads; null: unknown, or none. */
  readonly tokenizerBytes: number | null
  /**
   * A trunk that one engine cannot hold is cut over several, which is not built: for a price before it is. They are as many as hold so many positions of all sequences
   * together. Null: what does not fit is refused.
   */
  readonly hypotheticalTokens: number | null
}

/** Bytes of one isolate by part, against LIMITS.isolateBytes. */
export interface IsolateBytes {
  readonly isolate: string
  readonly parts: Readonly<Record<string, number>>
  readonly totalBytes: number
}

/** Which isolates serve a model, and what each holds. */
export interface Deployment {
  readonly trunk: Tier
  readonly placement: Placement
  readonly hosts: number
  readonly standby: number
  readonly arenaBytes: number
  readonly expertBytes: number
  /** Of engine, fullest host, gateway. */
  readonly isolates: readonly IsolateBytes[]
  /** Positions of all sequences together. */
  readonly kvTokens: number
  readonly kvTokenBytes: number
  readonly steps: StepLimits
  /** Copies of experts that there is room for, on the base hosts and on standbys. */
  readonly copyRoom: { readonly base: number; readonly standby: number }
  /** Engines one after the other. More than 1 is hypothetical. */
  readonly stages: number
}

/** Scripts beside hosts and engines: gateway, autoscaler, limiter of keys, grammar. */
export const OTHER_SCRIPTS = 4

/** Fits a model into isolates. Errors are `over-budget`, `part` naming what does not fit: engine, context, expert, hosts, gateway, host name. SPEC CO3. */
export function planDeployment(input: DeploymentInput): Result<Deployment, MoeError> {
  const { spec, tier, lanes } = input
  const gateway = gatewayIsolate(input.tokenizerBytes)
  if (gateway.totalBytes > LIMITS.isolateBytes)
    return overBudget('gateway', gateway.totalBytes, LIMITS.isolateBytes, 'the tokenizer is too large for the gateway')
  const steps = stepLimits(spec, CHUNK_DEFAULT, lanes)
  const engine = planEngine(input, steps)
  if (!engine.ok) return engine
  const arenaBytes = Math.min(LIMITS.hostArenaBytes, WASM_BYTES_MAX - hostScratchBytes(spec))
  const bytes = expertBytesByLayer(spec, tier)
  const fewest = hostsNeeded(bytes, arenaBytes)
  const expertBytes = expertSlotBytes(spec, tier)
  if (fewest === null) return overBudget('expert', expertBytes, arenaBytes, 'one expert is larger than the arena of a host')
  const hostCount = input.hosts ?? fewest
  if (hostCount + input.standby > LIMITS.hostsMax) {
    const standbys = input.standby > 0 ? ` and ${input.standby} standby` : ''
    const all = bytes.flat().length * expertBytes
    return overBudget('hosts', all, (LIMITS.hostsMax - input.standby) * arenaBytes, `${hostCount} hosts${standbys} are more than ${LIMITS.hostsMax}`)
  }
  const names = hostNames(hostCount)
  const placed = planBasePlacement(
    bytes,
    names.map((host) => ({ host, arenaBytes })),
    'packed',
    1,
  )
  if (!placed.ok) return placed
  const held = bytesPerHost(placed.value, bytes)
  const free = (used: number) => Math.floor((arenaBytes - used) / expertBytes)
  return ok({
    trunk: engine.value.trunk,
    placement: placed.value,
    hosts: hostCount,
    standby: input.standby,
    arenaBytes,
    expertBytes,
    isolates: [engine.value.isolate, hostIsolate(spec, Math.max(...held)), gateway],
    kvTokens: engine.value.kvTokens,
    kvTokenBytes: kvPageBytes(spec, tier) / KV_PAGE_POSITIONS,
    steps,
    copyRoom: { base: held.reduce((sum, used) => sum + free(used), 0), standby: input.standby * free(0) },
    stages: engine.value.stages,
  })
}

interface EnginePart {
  readonly trunk: Tier
  readonly isolate: IsolateBytes
  readonly kvTokens: number
  readonly stages: number
}

/** One engine; where it cannot hold the trunk or the context and a hypothesis is asked for, the fewest stages of equal bytes. */
function planEngine(input: DeploymentInput, steps: StepLimits): Result<EnginePart, MoeErrorOf<'over-budget'>> {
  const { spec, tier, context, hypotheticalTokens } = input
  const pageBytes = kvPageBytes(spec, tier)
  const contextBytes = Math.ceil(context / KV_PAGE_POSITIONS) * pageBytes
  const planned = planEngineMemory(spec, tier, steps, { trunk: input.trunk })
  if (planned.ok) {
    const { trunk, trunkBytes: weights, scratchBytes, kvPages } = planned.value
    const kvTokens = kvPages * KV_PAGE_POSITIONS
    if (kvTokens >= context) return ok({ trunk, isolate: engineIsolate('engine', weights, scratchBytes, kvPages * pageBytes), kvTokens, stages: 1 })
    const why = `keys and values of ${context} positions do not fit the engine beside its trunk, ${kvTokens} do`
    if (hypotheticalTokens === null) return overBudget('context', contextBytes, kvPages * pageBytes, why)
  } else if (hypotheticalTokens === null || planned.error.details.part !== 'engine') {
    return planned
  }
  const trunk = trunkTier(tier, input.trunk)
  const weights = trunkBytes(spec, trunk)
  const scratchBytes = engineScratchBytes(spec, steps.stepTokens, steps.lanes)
  const room = WASM_BYTES_MAX - scratchBytes
  if (room <= 0) return overBudget('engine', scratchBytes, WASM_BYTES_MAX, 'the buffers of a step alone do not fit an engine')
  const stages = Math.ceil((weights + Math.ceil(Math.max(context, hypotheticalTokens) / KV_PAGE_POSITIONS) * pageBytes) / room)
  const kvPages = Math.min(LIMITS.runningMax * contextPages(spec), Math.floor((stages * room - weights) / pageBytes))
  const isolate = engineIsolate(`engine (each of ${stages})`, weights / stages, scratchBytes, (kvPages * pageBytes) / stages)
  return ok({ trunk, isolate, kvTokens: kvPages * KV_PAGE_POSITIONS, stages })
}

function engineIsolate(isolate: string, trunk: number, scratch: number, kv: number): IsolateBytes {
  return isolateBytes(isolate, { script: LIMITS.scriptHeapBytes, transfer: LIMITS.transferBytes, trunk, scratch, kv })
}

/** The fullest of them. */
function hostIsolate(spec: ModelSpec, experts: number): IsolateBytes {
  return isolateBytes('host (fullest)', { script: LIMITS.scriptHeapBytes, transfer: LIMITS.transferBytes, experts, scratch: hostScratchBytes(spec) })
}

function gatewayIsolate(tokenizerBytes: number | null): IsolateBytes {
  return isolateBytes('gateway', tokenizerBytes === null ? { script: LIMITS.scriptHeapBytes } : tokenizerIsolateBytes(tokenizerBytes))
}

function isolateBytes(isolate: string, parts: Readonly<Record<string, number>>): IsolateBytes {
  return { isolate, parts, totalBytes: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) }
}

function overBudget(part: string, bytes: number, budgetBytes: number, message: string) {
  return fail('over-budget', message, { part, bytes, budgetBytes })
}
