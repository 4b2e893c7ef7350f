import type { MergeRanks, Vocabulary } from './token-tables.ts'

/** No entry is this: a character, or a merge, that the vocabulary lacks. */
const NONE = -1

/**
 * Byte-pair encoding: the characters of a text, merged pair by pair, the pair of the lowest rank first, of equal ones the leftmost.
 * In time n log n for any text of n characters, over flat arrays: 262,144 times the same letter take a quarter of a second; the same with an object
 * a node takes four.
 * Source: Sennrich et al. 2016, with the order of Hugging Face's tokenizers.
 * @returns the pieces, in order; joined they are the text.
 */
export function mergePairs(text: string, vocabulary: Vocabulary, merges: MergeRanks): string[] {
  const word = Word.of(text, vocabulary)
  const queue = new KeyQueue(3 * word.count) // a pair at the beginning for each character, two new ones a merge
  // Rank first, then position: one number, exact while ranks × characters stay below 2⁵³.
  const push = (at: number) => {
    const rank = word.rankAt(at, merges)
    if (rank !== undefined) queue.push(rank * word.count + at)
  }
  for (let at = 0; at < word.count; at++) push(at)
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    const at = key % word.count
    if (word.rankAt(at, merges) !== (key - at) / word.count) continue // this pair has changed since
    word.mergeAt(at, vocabulary)
    const before = word.before[at]!
    if (before !== NONE) push(before)
    push(at)
  }
  return word.pieces()
}

/** The pieces of a text as a linked list over arrays: piece `at` begins with character `at`. */
class Word {
  readonly #text: string
  readonly count: number
  /** [count + 1], UTF-16 units where each character begins. */
  readonly #starts: Uint32Array
  readonly #ids: Int32Array
  readonly #after: Int32Array
  /** [count], the piece before, or -1. */
  readonly before: Int32Array

  static of(text: string, vocabulary: Vocabulary): Word {
    let count = 0
    for (const _ of text) count++
    return new Word(text, count, vocabulary)
  }

  private constructor(text: string, count: number, vocabulary: Vocabulary) {
    this.#text = text
    this.count = count
    this.#starts = new Uint32Array(count + 1)
    this.#ids = new Int32Array(count)
    this.#after = new Int32Array(count)
    this.before = new Int32Array(count)
    let at = 0
    let start = 0
    for (const character of text) {
      this.#starts[at] = start
      this.#ids[at] = vocabulary.idOf(character) ?? NONE
      this.before[at] = at - 1
      this.#after[at] = at + 1 // count: the end
      at++
      start += character.length
    }
    this.#starts[count] = start
  }

  /** The rank of the piece and the one after it; undefined where they do not merge, or the piece has been merged away. */
  rankAt(at: number, merges: MergeRanks): number | undefined {
    const after = this.#after[at]!
    if (after === NONE || after === this.count) return undefined
    const [left, right] = [this.#ids[at]!, this.#ids[after]!]
    return left === NONE || right === NONE ? undefined : merges.rankOf(left, right)
  }

  mergeAt(at: number, vocabulary: Vocabulary): void {
    const gone = this.#after[at]!
    const after = this.#after[gone]!
    this.#after[at] = after
    this.#after[gone] = NONE
    if (after !== this.count) this.before[after] = at
    this.#ids[at] = vocabulary.idOf(this.#text.slice(this.#starts[at], this.#starts[after])) ?? NONE
  }

  pieces(): string[] {
    const pieces: string[] = []
    for (let at = 0; at < this.count; at = this.#after[at]!) pieces.push(this.#text.slice(this.#starts[at], this.#starts[this.#after[at]!]))
    return pieces
  }
}

/** A binary heap of numbers, the least first. */
class KeyQueue {
  readonly #keys: Float64Array
  #size = 0

  constructor(capacity: number) {
    this.#keys = new Float64Array(capacity)
  }

  push(key: number): void {
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#keys[parent]! <= key) break
      this.#keys[at] = this.#keys[parent]!
      at = parent
    }
    this.#keys[at] = key
  }

  pop(): number | undefined {
    if (this.#size === 0) return undefined
    const least = this.#keys[0]
    const key = this.#keys[--this.#size]!
    let at = 0
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && this.#keys[child + 1]! < this.#keys[child]!) child++
      if (this.#keys[child]! >= key) break
      this.#keys[at] = this.#keys[child]!
      at = child
    }
    this.#keys[at] = key
    return least
  }
}
