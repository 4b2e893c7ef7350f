import { stepLimits } from '../../shared/core/scratch.ts'
import { bytesPerHost, planBasePlacement } from '../../shared/placement/base-placement.ts'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import { hostScratchBytes, planEngineMemory } from '../../shared/placement/budget.ts'
import { expertBytesByLayer } from '../../shared/placement/expert-bytes.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { hostNames } from '../../workers/engine/host-binding.ts'
import { CliError } from '../errors.ts'
import { formatBytes, formatTable } from '../table.ts'

export interface DevPlanInputs {
  readonly manifest: Manifest
  readonly tier: Tier
  readonly hostCount: number
  readonly arenaBytes: number
  readonly shape: PlacementShape
  readonly chunk: number
}

export interface DevPlan {
  readonly hosts: readonly string[]
  /** One line an isolate: what it will hold, and its budget. */
  readonly table: string
}

/** Which isolates a run needs and what each will hold. Throws `over-budget`, table included, where one would not fit. SPEC PL2. */
export function planDev(inputs: DevPlanInputs): DevPlan {
  const { manifest, tier } = inputs
  if (!manifest.tiers.includes(tier)) throw new CliError('over-budget', `the pack has no tier ${tier}, only ${manifest.tiers.join(', ')}`)
  const hosts = hostNames(inputs.hostCount)
  const budgetBytes = LIMITS.isolateBytes - LIMITS.scriptHeapBytes
  const engine = planEngineMemory(manifest.spec, tier, stepLimits(manifest.spec, inputs.chunk).stepTokens)
  const expertBytes = expertBytesByLayer(manifest, tier)
  const unbounded = hosts.map((host) => ({ host, arenaBytes: Number.MAX_SAFE_INTEGER }))
  const placement = planBasePlacement(expertBytes, unbounded, inputs.shape, 1)
  if (!placement.ok) throw new CliError(placement.error.code, placement.error.message)
  const perHost = bytesPerHost(placement.value, expertBytes)
  const rows = [
    { part: 'engine', bytes: engine.ok ? engine.value.totalBytes : engine.error.details.bytes, budgetBytes },
    ...hosts.map((host, i) => ({ part: host, bytes: perHost[i]!, budgetBytes: Math.min(inputs.arenaBytes, budgetBytes - hostScratchBytes(manifest.spec)) })),
  ]
  const table = formatTable([
    ['isolate', 'holds', 'budget', ''],
    ...rows.map((row) => [row.part, formatBytes(row.bytes), formatBytes(row.budgetBytes), row.bytes > row.budgetBytes ? 'over' : '']),
  ])
  const over = rows.filter((row) => row.bytes > row.budgetBytes)
  if (over.length === 0) return { hosts, table }
  process.stderr.write(table)
  throw new CliError('over-budget', `${over.map((row) => row.part).join(', ')} would not fit: use more hosts or a smaller tier`)
}
