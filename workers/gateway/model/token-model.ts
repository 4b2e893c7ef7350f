import { ByteLevelPreTokenizer, Tokenizer } from '@huggingface/tokenizers'
import { bpeTokenizer, isBpe } from '../../../shared/core/tokenizer/bpe-tokenizer.ts'
import { mergePairs } from '../../../shared/core/tokenizer/byte-pairs.ts'
import type { BpeTokenizer, TokenizerJson } from '../../../shared/core/tokenizer/bpe-tokenizer.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'

/** The library's tokenizer with its vocabulary where it takes little memory. */
export interface TokenModel {
  readonly tokenizer: Tokenizer
  readonly json: TokenizerJson
  tokenOf(id: number): string | undefined
  /** UTF-16 units of the longest token. */
  readonly charsMax: number
}

/** The library's byte-pair model, as far as it is replaced or used here. Its types keep all of this to itself. */
interface LibraryBpe {
  tokens_to_ids: Pick<Map<string, number>, 'get' | 'has' | 'set'>
  vocab: readonly (string | undefined)[]
  unk_token?: string
  unk_token_id?: number
  readonly cache: { get(text: string): string[] | undefined; put(text: string, pieces: string[]): void }
  readonly max_length_to_cache: number
  bpe(text: string): string[]
}

/** @throws Error naming what the library, or the tables, cannot represent. */
export function tokenModel(json: TokenizerJson, config: object): TokenModel {
  return isBpe(json) ? bpeModel(bpeTokenizer(json, LIMITS.vocabMax), config) : libraryModel(json, config)
}

/**
 * The library's tokenizer over our tables. It is made without vocabulary and merges, whose Maps would take 63 MB for 200,000 entries and 446,189
 * merges; then the vocabulary and the merging of pairs are ours. Splitting, normalising, byte fallback and decoding stay the library's.
 */
export function bpeModel({ json, vocabulary, merges }: BpeTokenizer, config: object): TokenModel {
  const tokenizer = new Tokenizer(json, config)
  useUnicodeSpaces(tokenizer)
  const model = tokenizer.model as unknown as LibraryBpe
  const added = model.vocab // only added tokens: the rest was empty
  const addedIds = model.tokens_to_ids
  const idOf = (token: string) => addedIds.get(token) ?? vocabulary.idOf(token)
  model.tokens_to_ids = { get: idOf, has: (token) => idOf(token) !== undefined, set: () => refuseChange() }
  const unknown = model.unk_token === undefined || model.unk_token === null ? undefined : idOf(model.unk_token)
  if (unknown !== undefined) model.unk_token_id = unknown
  model.bpe = (text) => {
    const known = model.cache.get(text)
    if (known !== undefined) return known
    const pieces = mergePairs(text, vocabulary, merges)
    if (text.length < model.max_length_to_cache) model.cache.put(text, pieces)
    return pieces
  }
  const charsMax = added.reduce((longest, token) => Math.max(longest, token?.length ?? 0), vocabulary.charsMax)
  return { tokenizer, json, charsMax, tokenOf: (id) => added[id] ?? vocabulary.textOf(id) }
}

/** GPT-2's expression with the white space of Unicode, as the Rust library reads `\s`: JavaScript's has U+FEFF and lacks U+0085. */
const BYTE_LEVEL_PIECES = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

function useUnicodeSpaces({ pre_tokenizer: top }: Tokenizer): void {
  const inner = (top as unknown as { readonly tokenizers?: readonly unknown[] } | null)?.tokenizers
  for (const part of inner ?? [top]) if (part instanceof ByteLevelPreTokenizer) part.pattern = BYTE_LEVEL_PIECES
}

/** Other models (Unigram, WordPiece, byte pairs with suffixes) as the library has them. */
function libraryModel(json: TokenizerJson, config: object): TokenModel {
  const tokenizer = new Tokenizer(json, config)
  let charsMax = 1
  for (const token of tokenizer.get_vocab().keys()) charsMax = Math.max(charsMax, token?.length ?? 0)
  return { tokenizer, json, charsMax, tokenOf: (id) => tokenizer.id_to_token(id) }
}

function refuseChange(): never {
  throw new Error('a tokenizer that is in use does not change')
}
