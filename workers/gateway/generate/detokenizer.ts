import type { TextCodec } from '../model/text-codec.ts'

/** Tokens that a window keeps when it is cut: a UTF-8 character has at most four bytes, a token at least one. */
const WINDOW_TOKENS_KEPT = 4
const WINDOW_TOKENS_MAX = 16
const REPLACEMENT = '\u{fffd}'
const REPLACEMENT_BYTES = [0xef, 0xbf, 0xbd]

/** What makes text of tokens. */
export type TokenText = Pick<TextCodec, 'decode' | 'tokenBytes'>

/**
 * Turns ids into text while they come. Everything given out, joined, is `decode` of all ids. SPEC AP5.
 *
 * A token alone cannot be decoded: a byte-level token may be a part of a character, and SentencePiece decoders cut the space at the
 * beginning. So a short window of the last ids is decoded again with each new one, and what it has more than before is new.
 * An unfinished character decodes to one U+FFFD at the end, so exactly that much is held back, unless the bytes of U+FFFD itself are there.
 * The window may be cut anywhere, also inside a character: UTF-8 is back in step after at most three bytes, so from the fourth token on
 * the cut window decodes as the whole does, and only its end is ever given out.
 */
export class Detokenizer {
  readonly #codec: TokenText
  #window: number[]
  /** UTF-16 units of the window's text that were given out. */
  #sent: number
  #pending = false

  /**
   * @param codec Ids without text (special tokens) must not be pushed.
   * @param context ids that the text continues: a word after them keeps its space.
   */
  constructor(codec: TokenText, context: readonly number[] = []) {
    this.#codec = codec
    this.#window = context.slice(-WINDOW_TOKENS_KEPT)
    this.#sent = this.#settled(codec.decode(this.#window)).length
  }

  /** True while the beginning of a character waits for its other bytes. */
  get pending(): boolean {
    return this.#pending
  }

  /** The text that this token completes; '' while a character is unfinished. */
  push(id: number): string {
    this.#window.push(id)
    const full = this.#codec.decode(this.#window)
    const text = this.#settled(full)
    const piece = text.slice(this.#sent)
    this.#sent = text.length
    this.#pending = full.length > text.length
    if (this.#window.length > WINDOW_TOKENS_MAX) this.#cutWindow()
    return piece
  }

  /** What was held back, at the end: U+FFFD for a character that never became whole. */
  flush(): string {
    if (!this.#pending) return ''
    this.#pending = false
    return REPLACEMENT
  }

  #cutWindow(): void {
    this.#window = this.#window.slice(-WINDOW_TOKENS_KEPT)
    this.#sent = this.#settled(this.#codec.decode(this.#window)).length
  }

  /** The window's text without the character that is unfinished at its end. */
  #settled(text: string): string {
    return text.endsWith(REPLACEMENT) && !this.#endsInWrittenReplacement() ? text.slice(0, -1) : text
  }

  /** U+FFFD may also be meant, as in a prompt that was broken long before: then its own bytes are there. */
  #endsInWrittenReplacement(): boolean {
    const bytes = this.#window.slice(-REPLACEMENT_BYTES.length).flatMap((id) => [...this.#codec.tokenBytes(id)])
    return REPLACEMENT_BYTES.every((byte, index) => bytes.at(index - REPLACEMENT_BYTES.length) === byte)
  }
}
