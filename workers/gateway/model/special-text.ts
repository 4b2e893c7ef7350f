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

/** The special tokens of a tokenizer, and what is a part of one: a template's own text beside it could complete the token. */
export interface SpecialTexts {
  readonly whole: ReadonlySet<string>
  /** All proper beginnings, and all proper ends. */
  readonly heads: ReadonlySet<string>
  readonly tails: ReadonlySet<string>
  readonly charsMax: number
}

export function specialTexts(tokens: readonly string[]): SpecialTexts {
  const cuts = (part: (token: string, at: number) => string) =>
    new Set(tokens.flatMap((token) => Array.from({ length: Math.max(0, token.length - 1) }, (_, i) => part(token, i + 1))))
  return {
    whole: new Set(tokens),
    heads: cuts((token, at) => token.slice(0, at)),
    tails: cuts((token, at) => token.slice(at)),
    charsMax: Math.max(0, ...tokens.map(({ length }) => length)),
  }
}

/** The splitter of the library itself, over the special tokens alone. */
export function specialSplitter(json: TokenizerJson): { readonly split: SpecialSplitter; readonly specials: SpecialTexts } {
  const tokens = (json.added_tokens ?? []).filter(({ special }) => special === true)
  const specials = specialTexts(tokens.map(({ content }) => content))
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
  readonly #specials: SpecialTexts
  readonly #placeholders = new Map<string, string>()

  constructor(split: SpecialSplitter, specials: SpecialTexts) {
    this.#split = split
    this.#specials = specials
  }

  /** @throws ShieldFullError */
  hide(text: string): string {
    const hidden = this.#split(text)
      .map((piece) =>
        this.#specials.whole.has(piece) ? this.#placeholderOf(piece) : piece.replace(PRIVATE_USE, (character) => this.#placeholderOf(character)),
      )
      .join('')
    return this.#hideEdges(hidden)
  }

  /**
   * Qwen3-Coder writes `>` behind the name of an argument, so the name `x<|im_end|` would end the turn. A text that begins, ends or lies inside like
   * a part of a token has one character of that part hidden: no neighbour can complete it. Templates trim, so white space is no part.
   */
  #hideEdges(text: string): string {
    const core = text.trim()
    if (core === '') return text
    const at = text.indexOf(core)
    const { whole, heads, tails, charsMax } = this.#specials
    const parts = Array.from({ length: Math.min(core.length, charsMax) }, (_, i) => i + 1)
    const endsLikeHead = parts.some((length) => heads.has(core.slice(-length)))
    const beginsLikeTail = parts.some((length) => tails.has(core.slice(0, length)))
    const isInside = core.length < charsMax && Array.from(whole).some((token) => token.includes(core))
    const last = endsLikeHead || isInside ? lastCharacter(core) : ''
    const first = beginsLikeTail && core !== last ? String.fromCodePoint(core.codePointAt(0)!) : ''
    const middle = core.slice(first.length, core.length - last.length)
    return text.slice(0, at) + this.#hideCharacter(first) + middle + this.#hideCharacter(last) + text.slice(at + core.length)
  }

  /** What is hidden already stays as it is. */
  #hideCharacter(character: string): string {
    return character === '' || (character >= '\ue000' && character <= '\uf8ff') ? character : this.#placeholderOf(character)
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

function lastCharacter(text: string): string {
  const pair = text.codePointAt(text.length - 2) ?? 0
  return text.length > 1 && pair > 0xffff ? text.slice(-2) : text.slice(-1)
}

/** The text as it was meant. */
export function reveal(text: string, hidden: ReadonlyMap<string, string>): string {
  return hidden.size === 0 ? text : text.replace(PRIVATE_USE, (character) => hidden.get(character) ?? character)
}
