import type { VocabularyStyle } from '../../../shared/core/tokenizer/vocabulary-style.ts'

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/
const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The bytes that a vocabulary entry stands for. They need not be UTF-8: a token may be a part of a character. */
export function vocabularyBytes(entry: string, style: VocabularyStyle): Uint8Array {
  switch (style) {
    case 'byte-level':
      return byteLevelBytes(entry)
    case 'sentencepiece': {
      const byte = BYTE_TOKEN.exec(entry)?.[1]
      return byte === undefined ? encoder.encode(entry.replaceAll('▁', ' ')) : Uint8Array.of(parseInt(byte, 16))
    }
    case 'plain':
      return encoder.encode(entry)
  }
}

/** The text of the bytes, or null if they are not whole characters. */
export function wholeText(bytes: Uint8Array): string | null {
  try {
    return strictDecoder.decode(bytes)
  } catch {
    return null
  }
}

/** `\xe2\x80`: how OpenAI writes tokens that are not whole characters. */
export function escapeBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}

const BYTE_OF_CHARACTER = byteLevelAlphabet()

function byteLevelBytes(entry: string): Uint8Array {
  const bytes = Array.from(entry, (character) => BYTE_OF_CHARACTER.get(character))
  // An entry outside the alphabet was added as text, whatever the style of the others.
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : encoder.encode(entry)
}

/** Printable Latin-1 bytes are themselves; the others, in order, are the characters from U+0100 on. Source: GPT-2, bytes_to_unicode. */
function byteLevelAlphabet(): Map<string, number> {
  const alphabet = new Map<string, number>()
  let next = 0x100
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    alphabet.set(String.fromCodePoint(printable ? byte : next++), byte)
  }
  return alphabet
}
