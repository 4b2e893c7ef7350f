import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { vocabularyBytes } from '../model/token-bytes.ts'
import { Detokenizer } from './detokenizer.ts'
import type { TokenText } from './detokenizer.ts'

const codec = demoCodec()
const arbIds = (vocab: number) => fc.array(fc.integer({ min: 4, max: vocab - 1 }), { maxLength: 80 })

function stream(tokens: TokenText, ids: readonly number[], context: readonly number[] = []): string[] {
  const detokenizer = new Detokenizer(tokens, context)
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()]
}

/** A SentencePiece vocabulary as Mixtral has it: pieces with ▁, all bytes as fallback, one space cut at the beginning. */
function sentencePiece(): TokenText & { readonly vocab: number } {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const pieces = ['<unk>', '<s>', '</s>', '<pad>', ...bytes, '▁', '▁▁', '▁the', '▁a', 'b', 'é', '世', '.', '▁.']
  const decoder = {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  }
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]))
  const model = { type: 'BPE', vocab, merges: [], byte_fallback: true, unk_token: '<unk>' }
  const json = { model, decoder, normalizer: null, pre_tokenizer: null, post_processor: null, added_tokens: [] }
  const tokenizer = new Tokenizer(json, { clean_up_tokenization_spaces: false })
  return {
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids])),
    tokenBytes: (id) => vocabularyBytes(pieces[id] ?? '', 'sentencepiece'),
    vocab: pieces.length,
  }
}

describe('Detokenizer', () => {
  it('[AP5] gives, joined, the text of all tokens, for any ids of the demo vocabulary', () => {
    fc.assert(fc.property(arbIds(6144), (ids) => void expect(stream(codec, ids).join('')).toBe(codec.decode(ids))))
  })

  it('[AP5] gives, joined, the text of all tokens when most of them are single bytes', () => {
    // The first 256 entries behind the special tokens are the bytes, so most runs are broken UTF-8.
    fc.assert(
      fc.property(arbIds(300), (ids) => void expect(stream(codec, ids).join('')).toBe(codec.decode(ids))),
      { numRuns: 500 },
    )
  })

  it('[AP5] gives whole characters only, for text of any script', () => {
    const arbText = fc.string({ unit: 'grapheme', maxLength: 60 })
    fc.assert(
      fc.property(arbText, (text) => {
        const pieces = stream(codec, codec.encode(text, false))
        expect(pieces.join('')).toBe(text)
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true)
        expect(pieces.join('').includes('\u{fffd}')).toBe(text.includes('\u{fffd}'))
      }),
    )
  })

  it('[AP5] gives a character with its last byte, and what comes before it at once', () => {
    expect(stream(codec, codec.encode('a 🙂!', false))).toEqual(['a', ' ', '', '', '', '🙂', '!', ''])
  })

  it('[AP5] holds back no more than one character of broken bytes', () => {
    const lead = codec.encode('🙂', false)[0] ?? -1
    const pieces = stream(codec, Array<number>(40).fill(lead))
    expect(pieces.slice(0, 3)).toEqual(['', '\u{fffd}', '\u{fffd}'])
    expect(pieces.join('')).toBe('\u{fffd}'.repeat(40))
  })

  it('[AP5] is right for SentencePiece decoders: spaces at the beginning, byte fallback', () => {
    const pieces = sentencePiece()
    fc.assert(
      fc.property(arbIds(pieces.vocab), (ids) => void expect(stream(pieces, ids).join('')).toBe(pieces.decode(ids))),
      { numRuns: 500 },
    )
  })

  it('[AP5] keeps the space of a word that continues a prompt, and cuts it where the text begins', () => {
    const pieces = sentencePiece()
    const [the, a] = [262, 263]
    expect(stream(pieces, [the, a]).join('')).toBe('the a')
    expect(stream(pieces, [the, a], [a]).join('')).toBe(' the a')
  })

  it('[AP5] finishes a character that the prompt began', () => {
    const bytes = codec.encode('🙂', false)
    expect(stream(codec, bytes.slice(2), bytes.slice(0, 2)).join('')).toBe('🙂')
  })

  it('[AP5] gives a U+FFFD that is meant with its last byte, and does not repeat one that ends the prompt', () => {
    expect(stream(codec, codec.encode('\u{fffd}a', false))).toEqual(['', '', '\u{fffd}', 'a', ''])
    expect(stream(codec, codec.encode(' a', false), codec.encode('abc\u{fffd}', false))).toEqual([' a', ''])
  })

  it('[AP5] goes on exactly where a prompt ends, also behind broken bytes and U+FFFD that are meant', () => {
    for (const tokens of [{ ...codec, vocab: 300 }, sentencePiece()]) {
      const ids = Array.from({ length: tokens.vocab - 4 }, (_, index) => index + 4)
      const replacement = [0xef, 0xbf, 0xbd].map((byte) => ids.find((id) => tokens.tokenBytes(id)[0] === byte) ?? -1)
      const arbPart = fc.oneof(fc.constant(replacement), fc.constantFrom(...ids.map((id) => [id])))
      const arbIdRun = (minLength: number) => fc.array(arbPart, { minLength, maxLength: 24 }).map((parts) => parts.flat())
      fc.assert(
        fc.property(arbIdRun(0), arbIdRun(1), (prompt, answer) => {
          const detokenizer = new Detokenizer(tokens)
          const settled = prompt.map((id) => detokenizer.push(id)).join('')
          expect(settled + stream(tokens, answer, prompt).join('')).toBe(tokens.decode([...prompt, ...answer]))
        }),
        { numRuns: 500 },
      )
    }
  })
})
