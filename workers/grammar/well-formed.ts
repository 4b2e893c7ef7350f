import type { Vocabulary } from './vocabulary.ts'

/** Bytes that may follow these first bytes of a character, where not all of 80–BF may: others would be overlong, a surrogate, or past U+10FFFF. Source: Unicode, table 3-7. */
const SECOND_BYTES: Readonly<Record<number, readonly [from: number, to: number]>> = {
  0xe0: [0xa0, 0xbf],
  0xed: [0x80, 0x9f],
  0xf0: [0x90, 0xbf],
  0xf4: [0x80, 0x8f],
}

/** Keeps a text well-formed UTF-8 where xgrammar does not: its characters are any first byte with as many continuation bytes as it announces. */
export interface WellFormed {
  /** The tokens, those that are ill-formed in themselves empty. */
  readonly vocabulary: Vocabulary
  /** What is remembered behind a token: its last byte, where that narrows the next one; else 0. */
  after(id: number): number
  /** Takes back what may not follow. @param mask as of GrammarMask; changed. */
  narrow(mask: Uint8Array, last: number): void
}

export function createWellFormed({ size, special, bytes }: Vocabulary): WellFormed {
  const empty = new Uint8Array()
  const wellFormed = { size, special, bytes: (id: number) => (isIllFormed(bytes(id)) ? empty : bytes(id)) }
  /** Tokens that go on with a character, by first byte. */
  const continuing = new Map<number, number[]>()
  for (let id = 0; id < size; id++) {
    const first = wellFormed.bytes(id)[0] ?? 0
    if (first < 0x80 || first > 0xbf) continue
    const ids = continuing.get(first)
    if (ids) ids.push(id)
    else continuing.set(first, [id])
  }
  return {
    vocabulary: wellFormed,
    after(id) {
      const last = bytes(id).at(-1) ?? 0
      return SECOND_BYTES[last] === undefined ? 0 : last
    },
    narrow(mask, last) {
      const range = SECOND_BYTES[last]
      if (range === undefined) return
      for (const [first, ids] of continuing) {
        if (first < range[0] || first > range[1]) for (const id of ids) mask[id >> 3]! &= ~(1 << (id & 7))
      }
    },
  }
}

function isIllFormed(bytes: Uint8Array): boolean {
  return bytes.some((byte, i) => {
    if (byte === 0xc0 || byte === 0xc1 || byte >= 0xf5) return true
    const range = i === 0 ? undefined : SECOND_BYTES[bytes[i - 1]!]
    return range !== undefined && (byte < range[0] || byte > range[1])
  })
}
