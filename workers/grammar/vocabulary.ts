import type { TokenizerJson } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import { vocabularyStyle } from '../../shared/core/tokenizer/vocabulary-style.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { vocabularyBytes } from '../gateway/model/token-bytes.ts'

/** What each token writes: a few bytes a token in two buffers, where a tokenizer's maps would take tens of MB. */
export interface Vocabulary {
  /** Ids: as many as the model has logits. */
  readonly size: number
  /** A view; empty for ids that the tokenizer does not have. Special tokens write their names, where a grammar lets them (`special`). */
  bytes(id: number): Uint8Array
  /** Ids of special tokens: not allowed unless a grammar names them. */
  readonly special: readonly number[]
}

/** Entries of a tokenizer by id. */
type Entries = Iterable<readonly [id: number, entry: string]>

/** The entries of tokenizer.json: of BPE ids by entry, of Unigram entries with their scores in order of id. */
export function jsonEntries({ model }: TokenizerJson): Entries {
  const vocab = model?.vocab ?? {}
  if (Array.isArray(vocab)) return (vocab as readonly (readonly [entry: string, score: number])[]).map(([entry], id) => [id, entry] as const)
  return Object.entries(vocab as Readonly<Record<string, number>>).map(([entry, id]) => [id, entry] as const)
}

/**
 * What the tokens of a tokenizer write. Errors: `manifest-invalid` where it has ids that the model has not, or more text than any.
 * @param json tokenizer.json: its decoder says how entries are written, and added tokens stand beside the vocabulary.
 * @param entries of the vocabulary.
 * @param size ids of the model.
 */
export function vocabularyOf(json: TokenizerJson, entries: Entries, size: number): Result<Vocabulary, MoeError> {
  const style = vocabularyStyle(json.decoder)
  const byId = new Map<number, Uint8Array>()
  for (const [id, entry] of entries) byId.set(id, vocabularyBytes(entry, style))
  for (const { id, content } of json.added_tokens ?? []) byId.set(id, vocabularyBytes(content, 'plain'))
  let total = 0
  for (const [id, bytes] of byId) {
    if (!Number.isInteger(id) || id < 0 || id >= size)
      return fail('manifest-invalid', `The tokenizer has an id ${id}, the model ${size} logits.`, { field: 'tokenizer' })
    total += bytes.length
  }
  if (total > LIMITS.tokenizerBytesMax) return fail('manifest-invalid', `The vocabulary has ${total} bytes.`, { field: 'tokenizer' })
  const special = (json.added_tokens ?? []).flatMap((token) => (token.special === true ? [token.id] : []))
  return ok(compact(byId, special, size, total))
}

function compact(byId: ReadonlyMap<number, Uint8Array>, special: readonly number[], size: number, total: number): Vocabulary {
  const all = new Uint8Array(total)
  const ends = new Uint32Array(size)
  let end = 0
  for (let id = 0; id < size; id++) {
    const bytes = byId.get(id)
    if (bytes !== undefined) all.set(bytes, end)
    end += bytes?.length ?? 0
    ends[id] = end
  }
  return { size, special, bytes: (id) => all.subarray(id === 0 ? 0 : ends[id - 1]!, ends[id]!) }
}
