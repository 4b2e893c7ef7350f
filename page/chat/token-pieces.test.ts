import fc from 'fast-check'
import { expect, it } from 'vitest'
import { splitPieces } from './token-pieces.ts'
import type { ScoredToken } from './token-pieces.ts'

const utf8 = new TextEncoder()

function token(bytes: readonly number[], name?: string): ScoredToken {
  return { token: name ?? new TextDecoder().decode(Uint8Array.from(bytes)), logprob: -1, bytes, top: [] }
}

it('[LP3] a token is a piece; tokens of one character are one piece together', () => {
  const [first, second] = [utf8.encode('€').slice(0, 1), utf8.encode('€').slice(1)]
  const tokens = [token([...utf8.encode('a ')]), token([...first], '\\xe2'), token([...second], '\\x82\\xac'), token([...utf8.encode('!')])]
  expect(splitPieces('a €!', tokens)).toEqual([
    { text: 'a ', tokens: [tokens[0]] },
    { text: '€', tokens: [tokens[1], tokens[2]] },
    { text: '!', tokens: [tokens[3]] },
  ])
})

it('[LP3] takes a token by its name where the server says no bytes, and drops what gave no text', () => {
  const plain = { token: 'hi', logprob: 0, bytes: null, top: [] }
  const special = { token: '', logprob: 0, bytes: [], top: [] }
  expect(splitPieces('hi', [plain, special])).toEqual([{ text: 'hi', tokens: [plain] }])
})

it('[LP3] where tokens do not make up the text, the text is what counts', () => {
  const tokens = [token([0xff]), token([...utf8.encode('x')])]
  expect(splitPieces('\ufffdx', tokens)).toEqual([{ text: '\ufffdx', tokens }])
  expect(splitPieces('', tokens)).toEqual([])
  expect(splitPieces('text alone', [])).toEqual([{ text: 'text alone', tokens: [] }])
})

it('[LP3] pieces make up the text, and carry each token once, however its bytes are cut', () => {
  const cuts = fc.array(fc.nat({ max: 40 }), { maxLength: 10 })
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), cuts, (text, at) => {
      const bytes = utf8.encode(text)
      const ends = [...new Set([...at.filter((cut) => cut > 0 && cut < bytes.length), bytes.length])].toSorted((a, b) => a - b)
      const tokens = ends.map((end, i) => token(Array.from(bytes.subarray(ends[i - 1] ?? 0, end))))
      const pieces = splitPieces(text, tokens)
      expect(pieces.map((piece) => piece.text).join('')).toBe(text)
      expect(pieces.flatMap((piece) => piece.tokens)).toEqual(tokens)
    }),
  )
})
