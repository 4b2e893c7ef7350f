import { ByteLevelPreTokenizer } from '@huggingface/tokenizers'
import { describe, expect, it } from 'vitest'
import { demoCodec, readDemoFile } from '../../../test/contract/demo-model.ts'
import { createTextCodec } from './text-codec.ts'
import { escapeBytes, vocabularyBytes, wholeText } from './token-bytes.ts'

interface Golden {
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[] }[]
}

const codec = demoCodec()
const golden: Golden = JSON.parse(readDemoFile('golden.json'))
const GOLDEN_IDS_MAX = 384

/** A tokenizer that adds <s> in front, with one token that is added but not special. */
function bosCodec() {
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false }
  return createTextCodec(
    {
      model: { type: 'BPE', vocab: { '<s>': 0, a: 1, b: 2 }, merges: [] },
      decoder: { type: 'Fuse' },
      normalizer: null,
      pre_tokenizer: null,
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [],
        special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
      },
      added_tokens: [
        { id: 0, content: '<s>', special: true, ...special },
        { id: 3, content: '<think>', special: false, ...special },
      ],
    } as Parameters<typeof createTextCodec>[0],
    {},
  )
}

describe('TextCodec', () => {
  it('[NU1] encodes and decodes as Hugging Face transformers does', () => {
    for (const { text, ids } of golden.texts) {
      expect(codec.encode(text, true).slice(0, GOLDEN_IDS_MAX)).toEqual(ids)
      expect(text.startsWith(codec.decode(ids))).toBe(true)
    }
  })

  it('[AP3] says how long a token can be: no text is shorter in tokens', () => {
    expect(codec.charsPerTokenMax).toBeGreaterThan(1)
    for (const { text } of golden.texts) expect(codec.encode(text, false).length).toBeGreaterThanOrEqual(text.length / codec.charsPerTokenMax)
  })

  it('[TX6] cuts at the white space of Unicode, where the library cuts at that of JavaScript', () => {
    const text = 'a.\ufeff.b' // U+FEFF is no white space, so it belongs to the dots
    const pieces = ['a', '.ï»¿.', 'b']
    expect(new ByteLevelPreTokenizer({ type: 'ByteLevel' }).pre_tokenize(text)).not.toEqual(pieces) // or the workaround can go
    const pre = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
    const vocab = Object.fromEntries(['a', 'b', '.', 'ï', '»', '¿', '.ï', '.ï»', '.ï»¿', '.ï»¿.'].map((entry, id) => [entry, id]))
    const model = { type: 'BPE', vocab, merges: ['. ï', '.ï »', '.ï» ¿', '.ï»¿ .'] }
    const source = { model, pre_tokenizer: pre, normalizer: null, post_processor: null, decoder: { type: 'ByteLevel' }, added_tokens: [] }
    expect(createTextCodec(source, {}).encode(text, false)).toEqual([0, 9, 1])
  })

  it('[PK8] adds the special tokens of the tokenizer only when asked', () => {
    const bos = bosCodec()
    expect(bos.encode('ab', true)).toEqual([0, 1, 2])
    expect(bos.encode('ab', false)).toEqual([1, 2])
    expect(bos.encode('<s>a', false)).toEqual([0, 1])
  })

  it('[AP5] gives text for added tokens, but not for special ones and for ids of no token', () => {
    const bos = bosCodec()
    expect([0, 1, 3, 99].map((id) => bos.hasText(id))).toEqual([false, true, true, false])
    expect(bos.decode([])).toBe('')
  })

  it('[AP5] knows the bytes of each token, also of parts of characters', () => {
    const ids = codec.encode('né 🙂 世', false)
    const bytes = ids.flatMap((id) => [...codec.tokenBytes(id)])
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe('né 🙂 世')
    expect(new TextDecoder().decode(codec.tokenBytes(1))).toBe('<|im_start|>')
    expect(codec.tokenBytes(99_999)).toHaveLength(0)
  })
})

describe('vocabularyBytes', () => {
  it('[AP5] reads SentencePiece entries: ▁ is a space, <0x..> a byte', () => {
    expect(wholeText(vocabularyBytes('▁the', 'sentencepiece'))).toBe(' the')
    expect([...vocabularyBytes('<0xE2>', 'sentencepiece')]).toEqual([0xe2])
    expect(wholeText(vocabularyBytes('<0xE2>', 'plain'))).toBe('<0xE2>')
  })

  it('[AP5] tells parts of characters from whole ones', () => {
    const part = Uint8Array.of(0xe2, 0x80)
    expect(wholeText(part)).toBeNull()
    expect(escapeBytes(part)).toBe('\\xe2\\x80')
  })
})
