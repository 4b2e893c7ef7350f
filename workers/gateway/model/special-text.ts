import { Tokenizer } from '@huggingface/tokenizers'
import type { TokenizerJson } from '../../../shared/core/tokenizer/bpe-tokenizer.ts'
import { ExactNumber } from './jinja/exact-json.ts'

/** A text in which special tokens that a client wrote are hidden behind placeholders, so that those of the template are the only ones. */
export interface ShieldedText {
  readonly text: string
  /** Placeholder to what it stands for. */
  readonly hidden: ReadonlyMap<string, string>
}

/** Cuts a text at the special tokens in it, longest first, as the tokenizer does. */
export type SpecialSplitter = (text: string) => readonly string[]

/** Thrown where a client's texts have more different private-use characters than there are placeholders. */
export class ShieldFullError extends Error {
  override readonly name = 'ShieldFullError'
}

const FIRST = 0xe000
const LAST = 0xf8ff
const PRIVATE_USE = /[\ue000-\uf8ff]/g

/** The splitter of the library itself, over the special tokens alone. */
export function specialSplitter(json: TokenizerJson): { readonly split: SpecialSplitter; readonly specials: ReadonlySet<string> } {
  const tokens = (json.added_tokens ?? []).filter(({ special }) => special === true)
  const specials = new Set(tokens.map(({ content }) => content))
  return { specials, split: splitterOver(json, tokens) }
}

/** @returns the library's splitter for these added tokens. */
export function splitterOver(json: TokenizerJson, tokens: TokenizerJson['added_tokens']): SpecialSplitter {
  const model = { type: 'BPE', vocab: {}, merges: [] }
  const bare = new Tokenizer({ ...json, model, normalizer: null, decoder: null, post_processor: null, added_tokens: tokens }, {})
  const { splitter_unnormalized: splitter } = bare as unknown as { readonly splitter_unnormalized: { split(text: string): string[] } }
  return (text) => splitter.split(text)
}

/**
 * Hides the special tokens in the texts of one chat. A placeholder is a private-use character: one code unit, no white space, no case, so templates
 * trim and cut around it as around the token. Such characters in the texts themselves get placeholders too, so none is taken for another.
 */
export class SpecialShield {
  readonly #split: SpecialSplitter
  readonly #specials: ReadonlySet<string>
  readonly #placeholders = new Map<string, string>()

  constructor(split: SpecialSplitter, specials: ReadonlySet<string>) {
    this.#split = split
    this.#specials = specials
  }

  /** @throws ShieldFullError */
  hide(text: string): string {
    return this.#split(text)
      .map((piece) => (this.#specials.has(piece) ? this.#placeholderOf(piece) : piece.replace(PRIVATE_USE, (character) => this.#placeholderOf(character))))
      .join('')
  }

  /** The same for every text in JSON, keys included. */
  hideAll<T>(value: T): T {
    if (typeof value === 'string') return this.hide(value) as T
    if (Array.isArray(value)) return value.map((item: unknown) => this.hideAll(item)) as T
    if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return value
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [this.hide(key), this.hideAll(field)])) as T
  }

  /** Placeholder to what it stands for, of all that was hidden so far. */
  hidden(): ReadonlyMap<string, string> {
    return new Map(Array.from(this.#placeholders, ([original, placeholder]) => [placeholder, original]))
  }

  #placeholderOf(original: string): string {
    const known = this.#placeholders.get(original)
    if (known !== undefined) return known
    if (FIRST + this.#placeholders.size > LAST) throw new ShieldFullError('the texts have too many different private-use characters')
    const placeholder = String.fromCharCode(FIRST + this.#placeholders.size)
    this.#placeholders.set(original, placeholder)
    return placeholder
  }
}

/** The text as it was meant. */
export function reveal(text: string, hidden: ReadonlyMap<string, string>): string {
  return hidden.size === 0 ? text : text.replace(PRIVATE_USE, (character) => hidden.get(character) ?? character)
}
