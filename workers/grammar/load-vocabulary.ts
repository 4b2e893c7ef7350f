import type { TokenizerJson } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import type { Vocabulary as TokenTable } from '../../shared/core/tokenizer/token-tables.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Manifest, StoredFile } from '../../shared/protocol/manifest.ts'
import { readTokenizerFile } from '../../shared/protocol/tokenizer-file.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { readManifest, sha256Hex } from '../r2-store.ts'
import { jsonEntries, vocabularyOf } from './vocabulary.ts'
import type { Vocabulary } from './vocabulary.ts'

export interface ServedVocabulary {
  readonly vocabulary: Vocabulary
  readonly stopTokens: readonly number[]
  readonly digest: string
}

/** Reads what grammars need of a pack: the manifest and the tokenizer's vocabulary, checksums verified. Errors: those of reading, `no-tokenizer`. SPEC GR10. */
export async function loadVocabulary(bucket: R2Bucket, prefix: string): Promise<Result<ServedVocabulary, MoeError>> {
  try {
    const manifest = await readManifest(bucket, prefix)
    if (!manifest.ok) return manifest
    const vocabulary = await readVocabulary(bucket, prefix, manifest.value)
    if (!vocabulary.ok) return vocabulary
    const { spec, digest } = manifest.value
    return ok({ vocabulary: vocabulary.value, stopTokens: spec.tokens.eos, digest })
  } catch (error) {
    return fail('storage-unavailable', `the pack could not be read: ${String(error)}`, { object: prefix })
  }
}

/** From the tables where there are any: parsing a tokenizer.json of 28 MB takes more than the isolate has. */
async function readVocabulary(bucket: R2Bucket, prefix: string, { tokenizer, spec }: Manifest): Promise<Result<Vocabulary, MoeError>> {
  if (tokenizer === null) return fail('no-tokenizer', 'This pack has no tokenizer: its answers cannot follow a format.', {})
  const file = await readFile(bucket, prefix, tokenizer.tables ?? tokenizer.tokenizer)
  if (!file.ok) return file
  if (tokenizer.tables === undefined) {
    const json = JSON.parse(new TextDecoder().decode(file.value)) as TokenizerJson
    return vocabularyOf(json, jsonEntries(json), spec.vocab)
  }
  const { json, vocabulary } = readTokenizerFile(file.value)
  return vocabularyOf(json, tableEntries(vocabulary), spec.vocab)
}

function* tableEntries(tables: TokenTable): Generator<readonly [id: number, entry: string]> {
  for (let id = 0; id < tables.count; id++) {
    const entry = tables.textOf(id)
    if (entry !== undefined) yield [id, entry]
  }
}

async function readFile(bucket: R2Bucket, prefix: string, { object, bytes, sha256 }: StoredFile): Promise<Result<Uint8Array<ArrayBuffer>, MoeError>> {
  const body = await bucket.get(prefix + object)
  if (body === null) return fail('weights-missing', `The pack has no ${object}.`, { object })
  if (body.size !== bytes) return fail('weights-corrupt', `${object} has ${body.size} bytes, ${bytes} are expected.`, { object, offset: 0 })
  const content = new Uint8Array(await body.arrayBuffer())
  if ((await sha256Hex(content)) === sha256) return ok(content)
  return fail('weights-corrupt', `The checksum of ${object} does not hold.`, { object, offset: 0 })
}
