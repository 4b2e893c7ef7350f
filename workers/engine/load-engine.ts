import { stepLimits } from '../../shared/core/scratch.ts'
import type { StepLimits } from '../../shared/core/scratch.ts'
import { planEngineMemory } from '../../shared/placement/budget.ts'
import type { ModelInfo } from '../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { fail } from '../../shared/protocol/errors.ts'
import { trunkEntries } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { RangeReader } from '../../shared/protocol/range-reader.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import type { KernelChoice, KernelModules } from '../../wasm/src/kernels.ts'
import { createEngineMemory } from './engine-memory.ts'
import type { EngineMemory } from './engine-memory.ts'

export interface LoadInputs {
  readonly manifest: Manifest
  readonly tier: Tier
  readonly trunk: TrunkPrecision
  readonly chunk: number
  /** Steps under way at once. */
  readonly lanes: number
  readonly modules: KernelModules
  readonly kernels: KernelChoice
  readonly reader: RangeReader
  /** Fewer KV pages than memory has room for: experiments and tests. */
  readonly kvPagesMax?: number
}

export interface LoadedTrunk {
  readonly manifest: Manifest
  /** What is served from here on. */
  readonly info: ModelInfo
  /** The view of each lane; what is not a step's is the same in all. */
  readonly lanes: readonly EngineMemory[]
  readonly limits: StepLimits
}

/** Plans the engine's memory, makes it, and reads and verifies the trunk. Errors: `over-budget`, `hello-mismatch`, `manifest-invalid`, those of `RangeReader`. */
export async function loadTrunk(inputs: LoadInputs, onBytes: (read: number, total: number) => void): Promise<Result<LoadedTrunk, MoeError>> {
  const { manifest, tier } = inputs
  if (!manifest.tiers.includes(tier))
    return fail('hello-mismatch', `the pack has no tier ${tier}`, { field: 'tier', want: manifest.tiers.join(', '), got: tier })
  if (manifest.spec.router.groups) return fail('manifest-invalid', 'grouped routing is not served yet', { field: 'spec.router.groups' })
  const limits = stepLimits(manifest.spec, inputs.chunk, inputs.lanes)
  const budget = planEngineMemory(manifest.spec, tier, limits, inputs)
  if (!budget.ok) return budget
  const lanes = createEngineMemory(manifest.spec, tier, budget.value, limits, inputs.modules, inputs.kernels)
  const loads = lanes[0]!.trunkLoads(trunkEntries(manifest, tier))
  const total = loads.reduce((sum, load) => sum + load.bytes, 0)
  let read = 0
  const loaded = await inputs.reader.load(loads, (bytes) => onBytes((read += bytes), total))
  if (!loaded.ok) return loaded
  const { trunk, contextTokens } = budget.value
  const info = { model: manifest.name, digest: manifest.digest, tier, trunk, contextTokens, vocab: manifest.spec.vocab }
  return ok({ manifest, info, lanes, limits })
}
