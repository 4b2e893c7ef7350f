import { expertBytesByLayer } from '../placement/expert-bytes.ts'
import { trunkBytes } from '../placement/budget.ts'
import { POLICY_DEFAULT } from '../placement/policy.ts'
import { LIMITS } from '../protocol/limits.ts'
import { expertRanges, trunkEntries, trunkRange } from '../protocol/manifest.ts'
import type { Manifest } from '../protocol/manifest.ts'
import { planReads } from '../protocol/read-plan.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import type { Tier } from '../protocol/tiers.ts'
import type { Deployment } from './deployment.ts'

/** Operations and bytes of R2. */
export interface StorageUse {
  /** What lies there: the pack, all its tiers. */
  readonly storedBytes: number
  /** Every isolate begins cold, and every expert is met once. Reads are class B. */
  readonly coldStart: { readonly reads: number; readonly bytes: number; readonly hostBytes: number }
  /** As many copies as the policy makes in one event at most. */
  readonly scaleEvent: { readonly experts: number; readonly reads: number; readonly bytes: number }
}

/**
 * Counts reads as they are made: a manifest for each isolate, the trunk in merged ranges, an expert by itself (its first use may find neighbours and share a read: fewer).
 * @param manifest null where there is only a spec: ranges are taken as full reads then, and what is stored as trunk and experts of the tier.
 */
export function storageUse(spec: ModelSpec, tier: Tier, deployment: Deployment, manifest: Manifest | null): StorageUse {
  const experts = expertBytesByLayer(spec, tier).flat()
  const expertReads = Math.ceil(deployment.expertBytes / LIMITS.readBytesMax)
  const moves = Math.min(POLICY_DEFAULT.movesMax, Math.floor(POLICY_DEFAULT.moveBytesMax / deployment.expertBytes), experts.length)
  const isolates = deployment.hosts + deployment.stages + 2 // gateway and autoscaler read it, too
  const trunk = manifest === null ? trunkFromSpec(spec, deployment.trunk) : trunkFromManifest(manifest, tier, deployment.trunk)
  const texts = manifest === null ? 0 : [manifest.tokenizer?.tokenizer, manifest.tokenizer?.config, manifest.chatTemplate].filter(Boolean).length
  const expertBytes = experts.reduce((sum, bytes) => sum + bytes, 0)
  return {
    storedBytes: manifest === null ? trunk.bytes + expertBytes : storedBytes(manifest),
    coldStart: {
      reads: isolates + texts + trunk.reads + experts.length * expertReads,
      bytes: trunk.bytes + expertBytes,
      hostBytes: expertBytes / deployment.hosts,
    },
    scaleEvent: { experts: moves, reads: moves * expertReads, bytes: moves * deployment.expertBytes },
  }
}

interface Reads {
  readonly reads: number
  readonly bytes: number
}

function trunkFromSpec(spec: ModelSpec, trunk: Tier): Reads {
  const bytes = trunkBytes(spec, trunk)
  return { bytes, reads: Math.ceil(bytes / LIMITS.readBytesMax) }
}

function trunkFromManifest(manifest: Manifest, tier: Tier, trunk: Tier): Reads {
  const ranges = trunkEntries(manifest, tier).map((entry) => trunkRange(entry, entry.encoding === 'q8' && trunk === 'q4' ? 'q4' : entry.encoding))
  return { bytes: ranges.reduce((sum, { bytes }) => sum + bytes, 0), reads: planReads(ranges).length }
}

function storedBytes(manifest: Manifest): number {
  const experts = manifest.experts.flatMap((entry) =>
    manifest.tiers.filter((tier) => tier !== 'q4' || !manifest.tiers.includes('q8')).flatMap((tier) => expertRanges(entry, tier)),
  )
  const files = [manifest.tokenizer?.tokenizer, manifest.tokenizer?.tables, manifest.tokenizer?.config, manifest.chatTemplate].filter(
    (file) => file !== null && file !== undefined,
  )
  return [...experts, ...manifest.trunk.q8, ...manifest.trunk.f32, ...files].reduce((sum, { bytes }) => sum + bytes, 0)
}
