import { planBasePlacement } from '../../shared/placement/base-placement.ts'
import type { HostBudget, PlacementShape } from '../../shared/placement/base-placement.ts'
import { expertBytesByLayer } from '../../shared/placement/expert-bytes.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import type { PlacementStore } from './placement-store.ts'

export interface PlacementInputs {
  readonly manifest: Manifest
  readonly tier: Tier
  readonly hosts: readonly HostBudget[]
  readonly shape: PlacementShape
}

/**
 * The placement in force. It is planned once and kept; other hosts, another pack, tier or shape are a new plan, one epoch later:
 * an epoch names one table for ever.
 */
export function currentPlacement(store: PlacementStore, inputs: PlacementInputs): Result<Placement, MoeError> {
  const name = JSON.stringify([inputs.manifest.digest, inputs.tier, inputs.hosts, inputs.shape])
  const stored = store.read()
  if (stored?.inputs === name) return ok(stored.placement)
  const planned = planBasePlacement(expertBytesByLayer(inputs.manifest.spec, inputs.tier), inputs.hosts, inputs.shape, (stored?.placement.epoch ?? 0) + 1)
  if (planned.ok) store.write(name, planned.value)
  return planned
}
