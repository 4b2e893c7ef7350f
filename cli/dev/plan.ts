import { stepLimits } from '../../shared/core/scratch.ts'
import { bytesPerHost, planBasePlacement } from '../../shared/placement/base-placement.ts'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import { hostScratchBytes, planEngineMemory, WASM_BYTES_MAX } from '../../shared/placement/budget.ts'
import { expertBytesByLayer } from '../../shared/placement/expert-bytes.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import { hostNames } from '../../shared/placement/host-names.ts'
import { CliError } from '../errors.ts'
import { formatBytes, formatTable } from '../table.ts'

export interface DevPlanInputs {
  readonly manifest: Manifest
  readonly tier: Tier
  readonly trunk: TrunkPrecision
  readonly hostCount: number
  /** Hosts beside them that hold nothing until the autoscaler wakes them. */
  readonly standbyCount: number
  readonly arenaBytes: number
  readonly shape: PlacementShape
  readonly chunk: number
  readonly lanes: number
}

export interface DevPlan {
  readonly hosts: readonly string[]
  readonly standby: readonly string[]
  /** What each host gets for experts: what was asked for, or what its isolate leaves. */
  readonly arenaBytes: number
  /** One line an isolate: what it will hold by this plan, and its budget. */
  readonly table: string
  /** Isolates that would not fit. */
  readonly over: readonly string[]
}

/** Which isolates a run needs and what each will hold. Nothing that is `over` may be started: SPEC PL2. */
export function planDev(inputs: DevPlanInputs): DevPlan {
  const { manifest, tier } = inputs
  if (!manifest.tiers.includes(tier)) throw new CliError('tier-missing', `the pack has no tier ${tier}, only ${manifest.tiers.join(', ')}`)
  const names = hostNames(inputs.hostCount + inputs.standbyCount)
  const [hosts, standby] = [names.slice(0, inputs.hostCount), names.slice(inputs.hostCount)]
  const engine = planEngineMemory(manifest.spec, tier, stepLimits(manifest.spec, inputs.chunk, inputs.lanes), { trunk: inputs.trunk })
  const expertBytes = expertBytesByLayer(manifest.spec, tier)
  const arenaBytes = Math.min(inputs.arenaBytes, WASM_BYTES_MAX - hostScratchBytes(manifest.spec))
  const unbounded = hosts.map((host) => ({ host, arenaBytes: Number.MAX_SAFE_INTEGER }))
  const placement = planBasePlacement(expertBytes, unbounded, inputs.shape, 1)
  if (!placement.ok) throw new CliError(placement.error.code, placement.error.message)
  const perHost = bytesPerHost(placement.value, expertBytes)
  const rows = [
    {
      part: 'engine',
      bytes: engine.ok ? engine.value.totalBytes : engine.error.details.bytes,
      budgetBytes: engine.ok ? WASM_BYTES_MAX : engine.error.details.budgetBytes,
    },
    ...hosts.map((host, i) => ({ part: host, bytes: perHost[i]!, budgetBytes: arenaBytes })),
  ]
  const table = formatTable([
    ['isolate', 'planned', 'budget', ''],
    ...rows.map((row) => [row.part, formatBytes(row.bytes), formatBytes(row.budgetBytes), row.bytes > row.budgetBytes ? 'over' : '']),
    ...standby.map((host) => [host, formatBytes(0), formatBytes(arenaBytes), 'standby']),
  ])
  return { hosts, standby, arenaBytes, table, over: rows.filter((row) => row.bytes > row.budgetBytes).map((row) => row.part) }
}
