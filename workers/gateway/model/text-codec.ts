import { Tokenizer } from '@huggingface/tokenizers'
import { vocabularyBytes } from './token-bytes.ts'
import type { VocabularyStyle } from './token-bytes.ts'

/** Text to ids and back, as the model's tokenizer.json says. */
export interface TextCodec {
  /** @param addSpecialTokens the tokenizer's own beginning and end (BOS …). Special tokens written in the text are always read as such. */
  encode(text: string, addSpecialTokens: boolean): number[]
  /** Text of the ids, special tokens written out, spaces not cleaned up; '' for none. */
  decode(ids: readonly number[]): string
  /** False for special tokens and for ids outside the vocabulary: they are no part of generated text. */
  hasText(id: number): boolean
  /** The token's own bytes; none for ids outside the vocabulary. */
  tokenBytes(id: number): Uint8Array
  /** A text of this many UTF-16 units or less may be one token; a longer one is at least two. */
  readonly charsPerTokenMax: number
}

/** The parts of tokenizer.json that are read here. */
interface TokenizerJson {
  readonly model?: { readonly merges?: unknown }
  readonly decoder?: DecoderJson | null
  readonly normalizer?: unknown
}

interface DecoderJson {
  readonly type: string
  readonly decoders?: readonly DecoderJson[]
}

/** NFC may make one character of four: normalised text is at most this much shorter. */
const NORMALIZER_SHRINK_MAX = 4

/**
 * @param json tokenizer.json, parsed. Ownership moves here: parts that nobody reads again are emptied to free memory.
 * @param config tokenizer_config.json, parsed; {} if there is none.
 * @throws Error of the library, naming what it cannot represent.
 */
export function createTextCodec(json: TokenizerJson, config: object): TextCodec {
  // Cleaning up would rewrite text that has been streamed already ("a ." becomes "a."), and is on unless the configuration says otherwise.
  const tokenizer = new Tokenizer(json, { ...config, clean_up_tokenization_spaces: false })
  const added = tokenizer.get_added_tokens_decoder()
  const style = vocabularyStyle(json)
  const charsPerTokenMax = longestEntry(tokenizer) * ((json.normalizer ?? null) === null ? 1 : NORMALIZER_SHRINK_MAX)
  releaseParsedMerges(json)
  return {
    charsPerTokenMax,
    // A character that the vocabulary cannot write has no id: dropped, as in the Rust tokenizers. The type does not say so.
    encode: (text, addSpecialTokens) =>
      tokenizer.encode(text, { add_special_tokens: addSpecialTokens }).ids.filter((id: number | undefined) => id !== undefined),
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: false })),
    hasText: (id) => tokenizer.id_to_token(id) !== undefined && added.get(id)?.special !== true,
    tokenBytes: (id) => vocabularyBytes(tokenizer.id_to_token(id) ?? '', added.has(id) ? 'plain' : style),
  }
}

function vocabularyStyle(json: TokenizerJson): VocabularyStyle {
  const decoders = flatten(json.decoder)
  if (decoders.some(({ type }) => type === 'ByteLevel')) return 'byte-level'
  return decoders.some(({ type }) => type === 'Metaspace' || type === 'ByteFallback') ? 'sentencepiece' : 'plain'
}

function flatten(decoder: DecoderJson | null | undefined): DecoderJson[] {
  return decoder === null || decoder === undefined ? [] : [decoder, ...(decoder.decoders ?? []).flatMap(flatten)]
}

function longestEntry(tokenizer: Tokenizer): number {
  let longest = 1
  for (const entry of tokenizer.get_vocab().keys()) longest = Math.max(longest, entry?.length ?? 0)
  return longest
}

/** The library ranks the merges once, when it is made, and keeps the parsed list: for 446,189 merges more than half of its 71 MB. */
function releaseParsedMerges(json: TokenizerJson): void {
  if (Array.isArray(json.model?.merges)) json.model.merges.length = 0
}
