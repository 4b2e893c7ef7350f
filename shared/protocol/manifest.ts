import { hiPlaneBytes } from '../core/layout.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import type { Encoding, Tier } from './tiers.ts'

export const MANIFEST_FORMAT = 'isomoe-pack'
export const MANIFEST_VERSION = 2
/** Hex digits of a probe's digest: 64 bits of a sha256. */
export const PROBE_DIGEST_CHARS = 16

/** A run of bytes of one object, verified as a whole. `sha256` is lower-case hex. */
export interface StoredRange {
  readonly object: string
  readonly offset: number
  readonly bytes: number
  readonly sha256: string
}

/** One trunk tensor inside the trunk object of a tier. Rows and columns are the model's, unpadded. */
export interface TrunkEntry extends StoredRange {
  /** sha256 of a q8 matrix's hi plane, which comes first and is a 4-bit matrix by itself; null for all else. */
  readonly hiSha256: string | null
  readonly name: string
  readonly encoding: Encoding
  readonly rows: number
  readonly cols: number
}

/**
 * One routed expert. Ranges hold gate, up, down in that order.
 * q8: `hi` then `lo`, back to back. q4: `hi` alone (the same object serves both). f32: its own object.
 */
export interface ExpertEntry {
  readonly layer: number
  readonly expert: number
  readonly hi: StoredRange | null
  readonly lo: StoredRange | null
  readonly f32: StoredRange | null
  /** By tier, digest of the row that the expert gives for the probe vector; null where the tier is not packed. SPEC PK10. */
  readonly probe: Readonly<Record<Tier, string | null>>
}

export interface StoredFile {
  readonly object: string
  readonly bytes: number
  readonly sha256: string
}

/** Sampling defaults of generation_config.json; null where it says nothing. */
export interface GenerationDefaults {
  readonly temperature: number | null
  readonly topP: number | null
  readonly topK: number | null
  readonly minP: number | null
  /** Absent: 1, none. */
  readonly repetitionPenalty?: number
}

/** manifest.json: everything the system knows of a pack. Rules: SPEC PK1 to PK10. */
export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT
  readonly version: typeof MANIFEST_VERSION
  /** Model id, as clients say it. */
  readonly name: string
  /** sha256 of this manifest's canonical JSON with `digest` empty: names the pack's folder in R2. */
  readonly digest: string
  readonly spec: ModelSpec
  /** Tiers that can be served from this pack. */
  readonly tiers: readonly Tier[]
  /** Trunk tensors of the q8 trunk (tiers q8 and q4) and of the f32 trunk; empty where the tier is not packed. */
  readonly trunk: { readonly q8: readonly TrunkEntry[]; readonly f32: readonly TrunkEntry[] }
  readonly experts: readonly ExpertEntry[]
  /** Absent objects are null: a pack without a tokenizer serves token ids only. */
  readonly tokenizer: {
    readonly tokenizer: StoredFile
    readonly config: StoredFile | null
    /** tokenizer.bin, which the gateway then reads instead of tokenizer.json; absent where that is small, or no byte-pair model. SPEC TX9. */
    readonly tables?: StoredFile
  } | null
  readonly chatTemplate: StoredFile | null
  readonly generation: GenerationDefaults
}

/** Folder of a pack in R2. */
export function packPrefix(name: string, digest: string): string {
  return `models/${name}/${digest}/`
}

/** The ranges a host reads for one expert at a tier, in the order they lie in its arena. */
export function expertRanges(entry: Pick<ExpertEntry, 'hi' | 'lo' | 'f32'>, tier: Tier): readonly StoredRange[] {
  const ranges = tier === 'f32' ? [entry.f32] : tier === 'q8' ? [entry.hi, entry.lo] : [entry.hi]
  return ranges.filter((range) => range !== null)
}

/** The bytes of a trunk tensor that an engine reads to hold it as `encoding`: all of it, or of a q8 matrix the hi plane. */
export function trunkRange(entry: TrunkEntry, encoding: Encoding): StoredRange {
  if (encoding !== 'q4' || entry.hiSha256 === null) return entry
  return { object: entry.object, offset: entry.offset, bytes: hiPlaneBytes(entry.rows, entry.cols), sha256: entry.hiSha256 }
}

export function trunkEntries(manifest: Manifest, tier: Tier): readonly TrunkEntry[] {
  return tier === 'f32' ? manifest.trunk.f32 : manifest.trunk.q8
}
