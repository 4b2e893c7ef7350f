import type { Tokenizer } from '@huggingface/tokenizers'
import type { BpeTokenizer, TokenizerJson } from '../../../shared/core/tokenizer/bpe-tokenizer.ts'
import { reveal, specialSplitter, SpecialShield, splitterOver } from './special-text.ts'
import type { ShieldedText } from './special-text.ts'
import { vocabularyBytes } from './token-bytes.ts'
import { bpeModel, tokenModel } from './token-model.ts'
import type { TokenModel } from './token-model.ts'
import { vocabularyStyle } from '../../../shared/core/tokenizer/vocabulary-style.ts'

/** Text to ids and back, as the model's tokenizer.json says. */
export interface TextCodec {
  /** @param addSpecialTokens the tokenizer's own beginning and end (BOS …). Special tokens written in the text are always read as such. */
  encode(text: string, addSpecialTokens: boolean): number[]
  /** A shield for the texts of one chat, before a template puts its own special tokens between them. */
  shield(): SpecialShield
  /** A rendered chat: special tokens of the template are special, hidden ones are plain text, as if the tokenizer had no such token. SPEC TX8. */
  encodeShielded(rendered: ShieldedText): number[]
  /** Text of the ids, special tokens written out, spaces not cleaned up; '' for none. Ids of no token are dropped. */
  decode(ids: readonly number[]): string
  /** False for special tokens and for ids outside the vocabulary: they are no part of generated text. */
  hasText(id: number): boolean
  /** The token's own bytes; none for ids outside the vocabulary. */
  tokenBytes(id: number): Uint8Array
  /** A text of this many UTF-16 units or less may be one token; a longer one is at least two. */
  readonly charsPerTokenMax: number
}

/** NFC may make one character of four: normalised text is at most this much shorter. */
const NORMALIZER_SHRINK_MAX = 4

/**
 * @param json tokenizer.json, parsed; its vocabulary and merges are copied.
 * @param config tokenizer_config.json, parsed; {} if there is none.
 * @throws Error naming what cannot be represented.
 */
export function createTextCodec(json: TokenizerJson, config: object): TextCodec {
  return codecOf(tokenModel(json, keepSpaces(config)))
}

/** The same from tables, as `tokenizer.bin` holds them. */
export function createBpeCodec(tokenizer: BpeTokenizer, config: object): TextCodec {
  return codecOf(bpeModel(tokenizer, keepSpaces(config)))
}

/** Cleaning up would rewrite text that has been streamed already ("a ." becomes "a."), and is on unless the configuration says otherwise. */
function keepSpaces(config: object): object {
  return { ...config, clean_up_tokenization_spaces: false }
}

function codecOf({ tokenizer, json, tokenOf, charsMax }: TokenModel): TextCodec {
  const added = tokenizer.get_added_tokens_decoder()
  const style = vocabularyStyle(json.decoder)
  const { split, specials } = specialSplitter(json)
  const reading = revealing(tokenizer, json, specials.whole)
  return {
    charsPerTokenMax: charsMax * ((json.normalizer ?? null) === null ? 1 : NORMALIZER_SHRINK_MAX),
    encode: (text, addSpecialTokens) => knownIds(tokenizer, text, addSpecialTokens),
    shield: () => new SpecialShield(split, specials),
    encodeShielded: ({ text, hidden }) => knownIds(reading(hidden), text, false),
    decode: (ids) =>
      decoded(
        tokenizer,
        ids.map(tokenOf).filter((token) => token !== undefined),
      ),
    hasText: (id) => tokenOf(id) !== undefined && added.get(id)?.special !== true,
    tokenBytes: (id) => vocabularyBytes(tokenOf(id) ?? '', added.has(id) ? 'plain' : style),
  }
}

/** A character that the vocabulary cannot write has no id: dropped, as in the Rust tokenizers. The type does not say so. */
function knownIds(tokenizer: Tokenizer, text: string, addSpecialTokens: boolean): number[] {
  return tokenizer.encode(text, { add_special_tokens: addSpecialTokens }).ids.filter((id: number | undefined) => id !== undefined)
}

function decoded(tokenizer: Tokenizer, tokens: string[]): string {
  if (tokens.length === 0) return ''
  type Decode = ((tokens: string[]) => string) & { readonly end_of_word_suffix?: string | null }
  const decoder = tokenizer.decoder as unknown as Decode | null
  if (decoder === null) return tokens.join(' ')
  const suffix = decoder.end_of_word_suffix ?? ''
  return suffix === '' ? decoder(tokens) : decoder(tokens).replaceAll(suffix, ' ')
}

type AddedToken = NonNullable<TokenizerJson['added_tokens']>[number]
type PreTokenize = (text: string, options: unknown) => string[]

/**
 * A view of the tokenizer that puts hidden tokens back where nothing looks for special tokens any more: behind the splitters and before the
 * pre-tokenizer. So what is around a hidden token is split and merged with it, as in any text.
 */
function revealing(tokenizer: Tokenizer, json: TokenizerJson, specials: ReadonlySet<string>): (hidden: ReadonlyMap<string, string>) => Tokenizer {
  const inner = tokenizer.pre_tokenizer as unknown as PreTokenize | null
  const normalize = (tokenizer.normalizer ?? ((text: string) => text)) as (text: string) => string
  // Special tokens are cut out before normalising, all of them, and none after it: a client's text may become one by it (NFKC makes `＜` a `<`).
  const isCutBefore = ({ special, normalized }: AddedToken) => special === true || normalized !== true || tokenizer.normalizer === null
  const added = json.added_tokens ?? []
  const before = { split: splitterOver(json, added.filter(isCutBefore)) }
  const splitNormal = splitterOver(
    json,
    added.filter((token) => !isCutBefore(token)).map((token) => ({ ...token, content: normalize(token.content), normalized: false })),
  )
  // The library takes a piece that is a special token's text for the token, wherever it comes from.
  const after = { split: (text: string) => splitNormal(text).map((piece) => (specials.has(piece) ? MARK + piece : piece)) }
  return (hidden) => {
    const normal = new Map(Array.from(hidden, ([placeholder, original]) => [placeholder, normalizeInside(original, normalize)]))
    const preTokenize: PreTokenize = (text, options) => {
      const revealed = reveal(text.startsWith(MARK) && specials.has(text.slice(1)) ? text.slice(1) : text, normal)
      return inner === null ? [revealed] : inner(revealed, options)
    }
    const own = { pre_tokenizer: preTokenize, splitter_unnormalized: before, splitter_normalized: after }
    return Object.assign(Object.create(Object.getPrototypeOf(tokenizer)), tokenizer, own) as Tokenizer
  }
}

/** A non-character: no text begins with it, and no normalizer changes it. */
const MARK = '\uffff'

/** Without what a normalizer puts before a beginning (Llama's `▁`): there is text around, or there may be. */
function normalizeInside(text: string, normalize: (text: string) => string): string {
  return normalize(MARK + text + MARK).split(MARK)[1] ?? normalize(text)
}
