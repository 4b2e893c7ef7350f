import { planDev } from '../../cli/dev/plan.ts'
import type { RunSettings } from '../../cli/dev/configs.ts'
import { CHUNK_DEFAULT } from '../../shared/core/scratch.ts'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import { expertBytesByLayer } from '../../shared/placement/expert-bytes.ts'
import { hostNames } from '../../shared/placement/host-names.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'

/** A note for every figure of `oneHost`. */
export const ARENA_LIFTED = 'one host, arena limit lifted'
/** Hosts of a deployment at least: fewer would hide what their calls cost. */
const DEPLOYED_HOSTS_MIN = 6
/** What every layout has. One lane: a figure says so where it has more. */
const COMMON = { chunk: CHUNK_DEFAULT, kernels: 'auto', lanes: 1, rttMs: 0, prefixCache: 'on', standby: [], hostRate: 0, callPairs: 'auto' } as const

type Settings = Omit<RunSettings, 'modelPrefix'>

/** All experts on one host, whatever an isolate holds: what the kernels and one call a layer give. */
export function oneHost(manifest: Manifest, tier: Tier, trunk: TrunkPrecision): Settings {
  const experts = expertBytesByLayer(manifest.spec, tier)
  const arenaBytes = experts.flat().reduce((sum, bytes) => sum + bytes, 0)
  return { tier, trunk, hosts: hostNames(1), arenaBytes, placement: 'packed', ...COMMON }
}

/** As `isomoe dev` would run it: the fewest hosts, six at least, on which every isolate is within its budget. */
export function deployed(manifest: Manifest, tier: Tier, trunk: TrunkPrecision, shape: PlacementShape = 'packed'): Settings {
  for (let hostCount = DEPLOYED_HOSTS_MIN; hostCount <= LIMITS.hostsMax; hostCount++) {
    const plan = planDev({ manifest, tier, trunk, hostCount, standbyCount: 0, arenaBytes: LIMITS.hostArenaBytes, shape, ...COMMON })
    if (plan.over.includes('engine')) throw new Error(`the engine is over its budget:\n${plan.table}`)
    if (plan.over.length === 0) return { tier, trunk, hosts: plan.hosts, arenaBytes: plan.arenaBytes, placement: shape, ...COMMON }
  }
  throw new Error('no number of hosts holds the experts')
}
