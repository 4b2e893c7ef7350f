import type { TokenizerJson } from '../../../shared/core/tokenizer/bpe-tokenizer.ts'
import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { toHex } from '../../../shared/protocol/hex.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { checkDigest, parseManifest } from '../../../shared/protocol/manifest-parser.ts'
import type { Manifest, StoredFile } from '../../../shared/protocol/manifest.ts'
import { readTokenizerFile } from '../../../shared/protocol/tokenizer-file.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { isTier, trunkTier } from '../../../shared/protocol/tiers.ts'
import type { TrunkPrecision } from '../../../shared/protocol/tiers.ts'
import { ChatTemplate } from './chat-template.ts'
import type { LoadedModel } from './loaded-model.ts'
import { createBpeCodec, createTextCodec } from './text-codec.ts'
import type { TextCodec } from './text-codec.ts'

/** The pack's folder; R2's bucket answers in this form. */
export interface PackFolder {
  get(name: string): Promise<{ readonly size: number; arrayBuffer(): Promise<ArrayBuffer> } | null>
}

/** The parts of tokenizer_config.json that are read here. */
interface TokenizerConfig {
  readonly bos_token?: unknown
  readonly eos_token?: unknown
}

/** Reads what the gateway needs of a pack: the manifest, the tokenizer, the template. Each file's checksum is verified before use. SPEC PK3. */
export async function loadModel(folder: PackFolder, tier: string, trunk: TrunkPrecision): Promise<Result<LoadedModel, MoeError>> {
  const manifestBytes = await readObject(folder, 'manifest.json', LIMITS.manifestBytesMax)
  if (!manifestBytes.ok) return manifestBytes
  const parsed = parseManifest(manifestBytes.value)
  if (!parsed.ok) return parsed
  const manifest = parsed.value
  const genuine = await checkDigest(manifest, sha256Hex)
  if (!genuine.ok) return genuine
  if (!isTier(tier) || !manifest.tiers.includes(tier)) return invalid('tiers', `The pack has the tiers ${manifest.tiers.join(', ')}, not ${tier}.`)
  const config = await loadConfig(folder, manifest)
  if (!config.ok) return config
  const codec = await loadCodec(folder, manifest, config.value)
  if (!codec.ok) return codec
  const template = await loadTemplate(folder, manifest, config.value)
  if (!template.ok) return template
  return ok({
    name: manifest.name,
    digest: manifest.digest,
    tier,
    trunk: trunkTier(tier, trunk),
    vocab: manifest.spec.vocab,
    contextTokens: manifest.spec.context,
    eos: manifest.spec.tokens.eos,
    generation: manifest.generation,
    codec: codec.value,
    template: template.value,
  })
}

async function loadConfig(folder: PackFolder, manifest: Manifest): Promise<Result<TokenizerConfig, MoeError>> {
  const file = manifest.tokenizer?.config ?? null
  return file === null ? ok({}) : readJson(folder, file)
}

async function loadCodec(folder: PackFolder, manifest: Manifest, config: TokenizerConfig): Promise<Result<TextCodec | null, MoeError>> {
  if (manifest.tokenizer === null) return ok(null)
  const { tokenizer, tables } = manifest.tokenizer
  // The tables where there are any: parsing a tokenizer.json of 28 MB takes more than the isolate has.
  return tables === undefined
    ? useFile(await readJson(folder, tokenizer), (json) => createTextCodec(json as TokenizerJson, config))
    : useFile(await readFile(folder, tables), (bytes) => createBpeCodec(readTokenizerFile(bytes), config))
}

function useFile<T>(file: Result<T, MoeError>, use: (value: T) => TextCodec): Result<TextCodec, MoeError> {
  if (!file.ok) return file
  try {
    return ok(use(file.value))
  } catch (error) {
    return invalid('tokenizer', `The tokenizer cannot be used: ${reasonOf(error)}`)
  }
}

/** The pack's own file: the packer has taken it out of tokenizer_config.json where it was there. */
async function loadTemplate(folder: PackFolder, manifest: Manifest, config: TokenizerConfig): Promise<Result<ChatTemplate | null, MoeError>> {
  if (manifest.chatTemplate === null) return ok(null)
  const file = await readFile(folder, manifest.chatTemplate)
  if (!file.ok) return file
  try {
    return ok(new ChatTemplate(new TextDecoder().decode(file.value), specialTokens(config)))
  } catch (error) {
    return invalid('chatTemplate', `The chat template cannot be parsed: ${reasonOf(error)}`)
  }
}

/** A token is written as text, or as an object with the text in `content`. */
function specialTokens(config: TokenizerConfig): Record<string, string> {
  const tokens: Record<string, string> = {}
  for (const name of ['bos_token', 'eos_token'] as const) {
    const token = config[name]
    if (typeof token === 'string') tokens[name] = token
    else if (typeof token === 'object' && token !== null && 'content' in token && typeof token.content === 'string') tokens[name] = token.content
  }
  return tokens
}

async function readJson(folder: PackFolder, file: StoredFile): Promise<Result<object, MoeError>> {
  const bytes = await readFile(folder, file)
  if (!bytes.ok) return bytes
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes.value))
    return typeof value === 'object' && value !== null ? ok(value) : invalid(file.object, `${file.object} is not a JSON object.`)
  } catch (error) {
    return invalid(file.object, `${file.object} is not JSON: ${reasonOf(error)}`)
  }
}

async function readFile(folder: PackFolder, file: StoredFile): Promise<Result<Uint8Array<ArrayBuffer>, MoeError>> {
  const bytes = await readObject(folder, file.object, file.bytes)
  if (!bytes.ok) return bytes
  if ((await sha256Hex(bytes.value)) === file.sha256) return bytes
  return fail('weights-corrupt', `The checksum of ${file.object} does not hold.`, { object: file.object, offset: 0 })
}

async function readObject(folder: PackFolder, name: string, bytesMax: number): Promise<Result<Uint8Array<ArrayBuffer>, MoeError>> {
  try {
    const object = await folder.get(name)
    if (object === null) return fail('weights-missing', `The pack has no ${name}.`, { object: name })
    if (object.size > bytesMax) return invalid(name, `${name} has ${object.size} bytes, at most ${bytesMax} are expected.`)
    return ok(new Uint8Array(await object.arrayBuffer()))
  } catch (error) {
    return fail('storage-unavailable', `${name} could not be read: ${reasonOf(error)}`, { object: name })
  }
}

async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return toHex(digest)
}

function invalid(field: string, message: string): { readonly ok: false; readonly error: MoeError } {
  return fail('manifest-invalid', message, { field })
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
