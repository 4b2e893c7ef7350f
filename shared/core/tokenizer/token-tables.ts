/**
 * A vocabulary in three flat arrays: 200,000 entries are 6 MB instead of the 20 MB that a Map and an array of strings take.
 * Ids are 0 … count - 1; an id without an entry is an empty one.
 */
export class Vocabulary {
  /** [count + 1], where each entry begins in `units`. */
  readonly offsets: Uint32Array
  /** UTF-16. */
  readonly units: Uint16Array
  /** UTF-16 units of the longest entry. */
  readonly charsMax: number
  /** Open addressing, linear probing: id + 1, or 0. */
  readonly #slots: Uint32Array

  constructor(offsets: Uint32Array, units: Uint16Array) {
    this.offsets = offsets
    this.units = units
    this.#slots = new Uint32Array(slotCount(this.count))
    let longest = 0
    for (let id = 0; id < this.count; id++) {
      const length = offsets[id + 1]! - offsets[id]!
      if (length === 0) continue
      longest = Math.max(longest, length)
      this.#slots[this.#slotFor(id)] = id + 1 // of equal entries the last wins, as in a Map
    }
    this.charsMax = longest
  }

  get count(): number {
    return this.offsets.length - 1
  }

  idOf(text: string): number | undefined {
    if (text.length === 0 || text.length > this.charsMax) return undefined
    let hash = HASH_SEED
    for (let index = 0; index < text.length; index++) hash = mix(hash, text.charCodeAt(index))
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const id = this.#slots[slot]! - 1
      if (this.#equalsText(id, text)) return id
    }
    return undefined
  }

  textOf(id: number): string | undefined {
    const start = this.offsets[id]
    const end = this.offsets[id + 1]
    return start === undefined || end === undefined || start === end ? undefined : String.fromCharCode(...this.units.subarray(start, end))
  }

  /** Each id that has an entry, with it, ascending. */
  *entries(): Generator<[id: number, text: string]> {
    for (let id = 0; id < this.count; id++) {
      const text = this.textOf(id)
      if (text !== undefined) yield [id, text]
    }
  }

  /** The slot of an entry that is the same, or the empty one where it would be. */
  #slotFor(id: number): number {
    const mask = this.#slots.length - 1
    let slot = hashUnits(this.units, this.offsets[id]!, this.offsets[id + 1]!) & mask
    while (this.#slots[slot] !== 0 && !this.#equalEntries(id, this.#slots[slot]! - 1)) slot = (slot + 1) & mask
    return slot
  }

  #equalsText(id: number, text: string): boolean {
    const start = this.offsets[id]!
    if (this.offsets[id + 1]! - start !== text.length) return false
    for (let index = 0; index < text.length; index++) if (this.units[start + index] !== text.charCodeAt(index)) return false
    return true
  }

  #equalEntries(id: number, other: number): boolean {
    const [start, otherStart] = [this.offsets[id]!, this.offsets[other]!]
    const length = this.offsets[id + 1]! - start
    if (this.offsets[other + 1]! - otherStart !== length) return false
    for (let index = 0; index < length; index++) if (this.units[start + index] !== this.units[otherStart + index]) return false
    return true
  }
}

/** Ranks of byte-pair merges, by the ids of both parts: 446,189 merges are 8 MB instead of 40. */
export class MergeRanks {
  /** [2 · count]: left and right id of each merge, the first merge first. */
  readonly pairs: Uint32Array
  readonly #slots: Uint32Array

  constructor(pairs: Uint32Array) {
    this.pairs = pairs
    this.#slots = new Uint32Array(slotCount(pairs.length / 2))
    for (let rank = 0; rank < pairs.length / 2; rank++) this.#slots[this.#slotOf(pairs[2 * rank]!, pairs[2 * rank + 1]!)] = rank + 1
  }

  rankOf(left: number, right: number): number | undefined {
    const found = this.#slots[this.#slotOf(left, right)]!
    return found === 0 ? undefined : found - 1
  }

  #slotOf(left: number, right: number): number {
    const mask = this.#slots.length - 1
    let slot = mix(mix(HASH_SEED, left), right) & mask
    for (let rank = this.#slots[slot]!; rank !== 0; rank = this.#slots[slot]!) {
      if (this.pairs[2 * rank - 2] === left && this.pairs[2 * rank - 1] === right) break
      slot = (slot + 1) & mask
    }
    return slot
  }
}

const HASH_SEED = 0x811c9dc5

/** One step of a hash of 32-bit words; its low bits depend on all of the word. */
function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

function hashUnits(units: Uint16Array, start: number, end: number): number {
  let hash = HASH_SEED
  for (let index = start; index < end; index++) hash = mix(hash, units[index]!)
  return hash
}

/** A power of two, at most two thirds full. */
function slotCount(entries: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, entries * 1.5)))
}
