import { Tokenizer } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { Detokenizer } from './detokenizer.ts'

type Decode = (ids: readonly number[]) => string

const codec = demoCodec()
const demo: Decode = (ids) => codec.decode(ids)
const arbIds = (vocab: number) => fc.array(fc.integer({ min: 4, max: vocab - 1 }), { maxLength: 80 })

function stream(decode: Decode, ids: readonly number[], context: readonly number[] = []): string[] {
  const detokenizer = new Detokenizer(decode, context)
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()]
}

/** A SentencePiece vocabulary as Mixtral has it: pieces with ▁, all bytes as fallback, one space cut at the beginning. */
function sentencePiece(): { decode: Decode; vocab: number } {
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
  return { decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids])), vocab: pieces.length }
}

describe('Detokenizer', () => {
  it('[AP5] gives, joined, the text of all tokens, for any ids of the demo vocabulary', () => {
    fc.assert(fc.property(arbIds(6144), (ids) => void expect(stream(demo, ids).join('')).toBe(demo(ids))))
  })

  it('[AP5] gives, joined, the text of all tokens when most of them are single bytes', () => {
    // The first 256 entries behind the special tokens are the bytes, so most runs are broken UTF-8.
    fc.assert(
      fc.property(arbIds(300), (ids) => void expect(stream(demo, ids).join('')).toBe(demo(ids))),
      { numRuns: 500 },
    )
  })

  it('[AP5] gives whole characters only, for text of any script', () => {
    const arbText = fc.string({ unit: 'grapheme', maxLength: 60 })
    fc.assert(
      fc.property(arbText, (text) => {
        const pieces = stream(demo, codec.encode(text, false))
        expect(pieces.join('')).toBe(text)
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true)
        expect(pieces.join('').includes('\u{fffd}')).toBe(text.includes('\u{fffd}'))
      }),
    )
  })

  it('[AP5] gives a character with its last byte, and what comes before it at once', () => {
    expect(stream(demo, codec.encode('a 🙂!', false))).toEqual(['a', ' ', '', '', '', '🙂', '!', ''])
  })

  it('[AP5] holds back no more than one character of broken bytes', () => {
    const lead = codec.encode('🙂', false)[0] ?? -1
    const pieces = stream(demo, Array<number>(40).fill(lead))
    expect(pieces.slice(0, 3)).toEqual(['', '\u{fffd}', '\u{fffd}'])
    expect(pieces.join('')).toBe('\u{fffd}'.repeat(40))
  })

  it('[AP5] is right for SentencePiece decoders: spaces at the beginning, byte fallback', () => {
    const { decode, vocab } = sentencePiece()
    fc.assert(
      fc.property(arbIds(vocab), (ids) => void expect(stream(decode, ids).join('')).toBe(decode(ids))),
      { numRuns: 500 },
    )
  })

  it('[AP5] keeps the space of a word that continues a prompt, and cuts it where the text begins', () => {
    const { decode } = sentencePiece()
    const [the, a] = [262, 263]
    expect(stream(decode, [the, a]).join('')).toBe('the a')
    expect(stream(decode, [the, a], [a]).join('')).toBe(' the a')
  })

  it('[AP5] finishes a character that the prompt began', () => {
    const bytes = codec.encode('🙂', false)
    expect(stream(demo, bytes.slice(2), bytes.slice(0, 2)).join('')).toBe('🙂')
  })
})
