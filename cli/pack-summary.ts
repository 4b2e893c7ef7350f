import { moeLayers } from '../shared/core/model-spec.ts'
import { countParameters } from '../shared/core/parameter-count.ts'
import { kvPageBytes } from '../shared/core/kv-layout.ts'
import { KV_PAGE_POSITIONS } from '../shared/core/records.ts'
import { CHUNK_DEFAULT, NETWORK_LANES, stepLimits } from '../shared/core/scratch.ts'
import { planEngineMemory } from '../shared/placement/budget.ts'
import { expertBytesByLayer } from '../shared/placement/expert-bytes.ts'
import { hostsNeeded } from '../shared/placement/hosts-needed.ts'
import { LIMITS } from '../shared/protocol/limits.ts'
import { trunkEntries } from '../shared/protocol/manifest.ts'
import type { Manifest } from '../shared/protocol/manifest.ts'
import type { Tier } from '../shared/protocol/tiers.ts'

/** What `isomoe inspect` says of a pack; its --json. */
export interface PackSummary {
  readonly name: string
  readonly digest: string
  readonly family: string
  readonly vocab: number
  readonly hidden: number
  readonly layers: number
  readonly moeLayers: number
  readonly experts: number
  readonly topK: number
  readonly expertWidth: number
  /** Width of the shared expert; null if there is none. */
  readonly sharedWidth: number | null
  readonly contextTokens: number
  readonly parameters: { readonly total: number; readonly activePerToken: number }
  readonly hostArenaBytes: number
  readonly tiers: readonly TierSummary[]
  readonly tokenizer: boolean
  readonly chatTemplate: boolean
  readonly generation: Manifest['generation']
}

export interface TierSummary {
  readonly tier: Tier
  readonly trunkBytes: number
  /** Of one expert in a host's arena. */
  readonly expertBytes: number
  /** All experts of one layer. */
  readonly layerBytes: number
  readonly expertsBytes: number
  /** Hosts that the packed base placement needs at LIMITS.hostArenaBytes; null where one expert is larger than that. */
  readonly hosts: number | null
  readonly kvBytesPerToken: number
  /** Tokens of all sequences together whose keys and values fit an engine beside its trunk: both in WASM_BYTES_MAX, what heap and transfer leave; null where the trunk does not fit. */
  readonly kvTokens: number | null
}

export function summarizePack(manifest: Manifest): PackSummary {
  const { spec } = manifest
  return {
    name: manifest.name,
    digest: manifest.digest,
    family: spec.family,
    vocab: spec.vocab,
    hidden: spec.hidden,
    layers: spec.layers.length,
    moeLayers: moeLayers(spec).length,
    experts: spec.router.experts,
    topK: spec.router.topK,
    expertWidth: spec.expert.width,
    sharedWidth: spec.shared?.width ?? null,
    contextTokens: spec.context,
    parameters: countParameters(spec),
    hostArenaBytes: LIMITS.hostArenaBytes,
    tiers: manifest.tiers.map((tier) => summarizeTier(manifest, tier)),
    tokenizer: manifest.tokenizer !== null,
    chatTemplate: manifest.chatTemplate !== null,
    generation: manifest.generation,
  }
}

function summarizeTier(manifest: Manifest, tier: Tier): TierSummary {
  const bytes = expertBytesByLayer(manifest.spec, tier)
  const layerBytes = Math.max(...bytes.map((experts) => sum(experts)))
  const engine = planEngineMemory(manifest.spec, tier, stepLimits(manifest.spec, CHUNK_DEFAULT, NETWORK_LANES))
  return {
    tier,
    trunkBytes: sum(trunkEntries(manifest, tier).map((entry) => entry.bytes)),
    expertBytes: Math.max(...bytes.flat()),
    layerBytes,
    expertsBytes: sum(bytes.flat()),
    hosts: hostsNeeded(bytes, LIMITS.hostArenaBytes),
    kvBytesPerToken: kvPageBytes(manifest.spec, tier) / KV_PAGE_POSITIONS,
    kvTokens: engine.ok ? engine.value.kvPages * KV_PAGE_POSITIONS : null,
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0)
}
