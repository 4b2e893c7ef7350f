import { encodedBytes } from '../core/layout.ts'
import { moeLayers } from '../core/model-spec.ts'
import { tensorEncoding, trunkTensors } from '../core/tensors.ts'
import type { TrunkTensor } from '../core/tensors.ts'
import { canonicalJson } from './canonical-json.ts'
import { fail } from './errors.ts'
import type { MoeError } from './errors.ts'
import { FieldFault, integer, list, nullable, number, oneOf, optional, record, text } from './json-readers.ts'
import type { Reader } from './json-readers.ts'
import { LIMITS } from './limits.ts'
import { MANIFEST_FORMAT, MANIFEST_VERSION, PROBE_DIGEST_CHARS } from './manifest.ts'
import { ADJUSTMENT_BOUNDS } from './engine-api.ts'
import type { ExpertEntry, GenerationDefaults, Manifest, StoredFile, StoredRange, TrunkEntry } from './manifest.ts'
import { expertRangeBytes, RANGE_ALIGN_BYTES } from './pack-layout.ts'
import { ok } from './result.ts'
import type { Result } from './result.ts'
import { modelSpec } from './spec-parser.ts'
import { TIERS } from './tiers.ts'
import type { Tier } from './tiers.ts'

const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/
const OBJECT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const SHA256_HEX = /^[0-9a-f]{64}$/
const PROBE_HEX = new RegExp(`^[0-9a-f]{${PROBE_DIGEST_CHARS}}$`)

/** A model id: also a folder in R2, so it is a plain name. */
export function isModelName(name: string): boolean {
  return MODEL_NAME.test(name)
}

const safeInteger = integer(0, Number.MAX_SAFE_INTEGER)
const size = integer(1, Number.MAX_SAFE_INTEGER)
const objectName = text(OBJECT_NAME)
const sha256 = text(SHA256_HEX)

const rangeFields = { object: objectName, offset: safeInteger, bytes: size, sha256 }
const storedRange: Reader<StoredRange> = record<StoredRange>(rangeFields)
const trunkEntry: Reader<TrunkEntry> = record<TrunkEntry>({
  ...rangeFields,
  hiSha256: nullable(sha256),
  name: text(/^[a-z0-9._]{1,64}$/),
  encoding: oneOf('f32-vector', 'f32-matrix', 'q8', 'q4'),
  rows: size,
  cols: size,
})
const trunkList = list(trunkEntry, LIMITS.layersMax * 32)
const probe = nullable(text(PROBE_HEX))
const expertEntry: Reader<ExpertEntry> = record<ExpertEntry>({
  layer: safeInteger,
  expert: safeInteger,
  hi: nullable(storedRange),
  lo: nullable(storedRange),
  f32: nullable(storedRange),
  probe: record<ExpertEntry['probe']>({ q8: probe, q4: probe, f32: probe }),
})
const storedFile = (bytesMax: number): Reader<StoredFile> => record<StoredFile>({ object: objectName, bytes: integer(1, bytesMax), sha256 })
const PENALTY = ADJUSTMENT_BOUNDS.repetitionPenalty
const generation: Reader<GenerationDefaults> = record<GenerationDefaults>({
  temperature: nullable(number(0, 100)),
  topP: nullable(number(0, 1)),
  topK: nullable(integer(0, LIMITS.vocabMax)),
  minP: nullable(number(0, 1)),
  repetitionPenalty: optional(number(PENALTY.min, PENALTY.max)),
})

const manifestFields: Reader<Manifest> = record<Manifest>({
  format: oneOf(MANIFEST_FORMAT),
  version: oneOf(MANIFEST_VERSION),
  name: text(MODEL_NAME),
  digest: sha256,
  spec: modelSpec,
  tiers: list(oneOf(...TIERS), TIERS.length),
  trunk: record<Manifest['trunk']>({ q8: trunkList, f32: trunkList }),
  experts: list(expertEntry, LIMITS.layersMax * LIMITS.expertsMax),
  tokenizer: nullable(
    record<NonNullable<Manifest['tokenizer']>>({
      tokenizer: storedFile(LIMITS.tokenizerBytesMax),
      config: nullable(storedFile(LIMITS.tokenizerConfigBytesMax)),
      tables: optional(storedFile(LIMITS.tokenizerBytesMax)),
    }),
  ),
  chatTemplate: nullable(storedFile(LIMITS.chatTemplateBytesMax)),
  generation,
})

/**
 * Reads manifest.json, which anybody may have written: every field is bounded, entries are exactly those that the spec implies, with the
 * bytes that their shapes imply. Never throws; `manifest-invalid` names the field. The digest is not checked here: see checkDigest. SPEC PK7.
 */
export function parseManifest(bytes: Uint8Array): Result<Manifest, MoeError> {
  if (bytes.byteLength > LIMITS.manifestBytesMax) return invalid('manifest', `has ${bytes.byteLength} bytes, at most ${LIMITS.manifestBytesMax} are allowed`)
  const json = parseJson(bytes)
  if (json === undefined) return invalid('manifest', 'is not JSON in UTF-8')
  try {
    const manifest = manifestFields(json, '')
    checkTiers(manifest.tiers)
    checkTrunk(manifest)
    checkExperts(manifest)
    checkOverlaps(manifest)
    return ok(manifest)
  } catch (error) {
    if (error instanceof FieldFault) return invalid(error.field, error.message.slice(error.field.length + 2))
    throw error
  }
}

/** The bytes whose sha256 is the manifest's digest. */
export function digestInput(manifest: Manifest): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(canonicalJson({ ...manifest, digest: '' }))) // a copy: only so is it known to be unshared, as WebCrypto asks
}

/** Holds the digest against the content: what a reader does once before it trusts the checksums inside. `manifest-invalid` on `digest`. */
export async function checkDigest(
  manifest: Manifest,
  sha256Hex: (bytes: Uint8Array<ArrayBuffer>) => Promise<string> | string,
): Promise<Result<Manifest, MoeError>> {
  const got = await sha256Hex(digestInput(manifest))
  return got === manifest.digest ? ok(manifest) : invalid('digest', `says ${manifest.digest}, the content has ${got}`)
}

function invalid(field: string, reason: string): { readonly ok: false; readonly error: MoeError } {
  return fail('manifest-invalid', `${field}: ${reason}`, { field })
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined // JSON has no undefined: the caller tells it from every value
  }
}

/** In the order of TIERS, each once; q8 holds the planes of q4 (SPEC PK4). */
function checkTiers(tiers: readonly Tier[]): void {
  const sorted = TIERS.filter((tier) => tiers.includes(tier))
  if (tiers.length === 0 || sorted.join() !== tiers.join())
    throw new FieldFault('tiers', `want some of ${TIERS.join(', ')} in this order, got ${tiers.join(', ')}`)
  if (tiers.includes('q8') && !tiers.includes('q4')) throw new FieldFault('tiers', 'q8 without q4: its hi planes are q4')
}

function checkTrunk({ spec, tiers, trunk }: Manifest): void {
  for (const tier of ['q8', 'f32'] as const) {
    const packed = tier === 'f32' ? tiers.includes('f32') : tiers.includes('q4')
    const wanted = packed ? trunkTensors(spec) : []
    const entries = trunk[tier]
    if (entries.length !== wanted.length) throw new FieldFault(`trunk.${tier}`, `want ${wanted.length} tensors, got ${entries.length}`)
    for (const [index, tensor] of wanted.entries()) checkTrunkEntry(entries[index]!, tensor, tier, `trunk.${tier}[${index}]`)
  }
}

function checkTrunkEntry(entry: TrunkEntry, tensor: TrunkTensor, tier: Tier, path: string): void {
  expectEqual(`${path}.name`, entry.name, tensor.name)
  expectEqual(`${path}.rows`, entry.rows, tensor.rows)
  expectEqual(`${path}.cols`, entry.cols, tensor.cols)
  expectEqual(`${path}.encoding`, entry.encoding, tensorEncoding(tensor, tier))
  expectEqual(`${path}.hiSha256`, entry.hiSha256 !== null, entry.encoding === 'q8')
  checkRange(entry, encodedBytes(entry.encoding, entry.rows, entry.cols), path)
}

/** Every expert of every MoE layer once, ascending, with the ranges that the tiers say. */
function checkExperts({ spec, tiers, experts }: Manifest): void {
  const layers = moeLayers(spec)
  const count = spec.router.experts
  expectEqual('experts', experts.length, layers.length * count)
  const bytes = expertRangeBytes(spec)
  for (const [index, entry] of experts.entries()) {
    const path = `experts[${index}]`
    expectEqual(`${path}.layer`, entry.layer, layers[Math.floor(index / count)]!)
    expectEqual(`${path}.expert`, entry.expert, index % count)
    for (const [plane, tier] of [
      ['hi', 'q4'],
      ['lo', 'q8'],
      ['f32', 'f32'],
    ] as const) {
      const range = entry[plane]
      expectEqual(`${path}.${plane}`, range !== null, tiers.includes(tier))
      if (range && plane !== 'lo') checkRange(range, bytes[plane], `${path}.${plane}`)
    }
    for (const tier of TIERS) expectEqual(`${path}.probe.${tier}`, entry.probe[tier] !== null, tiers.includes(tier))
    if (entry.hi && entry.lo) checkLoPlane(entry.hi, entry.lo, bytes.lo, `${path}.lo`)
  }
}

function checkLoPlane(hi: StoredRange, lo: StoredRange, bytes: number, path: string): void {
  expectEqual(`${path}.object`, lo.object, hi.object)
  expectEqual(`${path}.offset`, lo.offset, hi.offset + hi.bytes)
  expectEqual(`${path}.bytes`, lo.bytes, bytes)
}

function checkRange(range: StoredRange, bytes: number, path: string): void {
  expectEqual(`${path}.bytes`, range.bytes, bytes)
  if (range.offset % RANGE_ALIGN_BYTES !== 0) throw new FieldFault(`${path}.offset`, `want a multiple of ${RANGE_ALIGN_BYTES}, got ${range.offset}`)
  if (!Number.isSafeInteger(range.offset + range.bytes)) throw new FieldFault(`${path}.offset`, `${range.offset} is beyond any object`)
}

/** No byte of an object belongs to two entries. */
function checkOverlaps(manifest: Manifest): void {
  const { trunk, experts, tokenizer, chatTemplate } = manifest
  const files = [tokenizer?.tokenizer, tokenizer?.config, tokenizer?.tables, chatTemplate].flatMap((file) => (file ? [{ ...file, offset: 0 }] : []))
  const ranges = [...trunk.q8, ...trunk.f32, ...experts.flatMap((e) => [e.hi, e.lo, e.f32]).filter((range) => range !== null), ...files]
  ranges.sort((a, b) => (a.object === b.object ? a.offset - b.offset : a.object < b.object ? -1 : 1))
  for (const [index, range] of ranges.entries()) {
    const next = ranges[index + 1]
    if (next?.object === range.object && next.offset < range.offset + range.bytes)
      throw new FieldFault('objects', `two entries share bytes of ${range.object} at ${next.offset}`)
  }
}

function expectEqual<T extends string | number | boolean>(path: string, got: T, want: T): void {
  if (got !== want) throw new FieldFault(path, `want ${want}, got ${got}`)
}
