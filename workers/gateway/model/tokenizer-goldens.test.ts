import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TOKENIZERS, tokenizerBytes, tokenizerGaps, tokenizerGolden, tokenizerJson } from '../../../test/fixtures/tokenizers/load.ts'
import type { TokenizerGap } from '../../../test/fixtures/tokenizers/load.ts'
import { bpeTokenizer } from '../../../shared/core/tokenizer/bpe-tokenizer.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { readTokenizerFile, writeTokenizerFile } from '../../../shared/protocol/tokenizer-file.ts'
import { Detokenizer } from '../generate/detokenizer.ts'
import { createBpeCodec } from './text-codec.ts'
import type { TextCodec } from './text-codec.ts'

/** Through tokenizer.bin: every codec is made of the same tables, whether they come from there or from tokenizer.json. */
function codecOf(name: (typeof TOKENIZERS)[number]): TextCodec {
  const file = writeTokenizerFile(bpeTokenizer(tokenizerJson(name), LIMITS.vocabMax))
  return createBpeCodec(readTokenizerFile(file), {})
}

/** What a client's text becomes inside a chat. */
function encodedAsText(codec: TextCodec, text: string): number[] {
  const shield = codec.shield()
  return codec.encodeShielded({ text: shield.hide(text), hidden: shield.hidden() })
}

function streamed(codec: TextCodec, ids: readonly number[]): { readonly pieces: string[]; readonly tail: string } {
  const detokenizer = new Detokenizer(codec)
  return { pieces: ids.map((id) => (codec.hasText(id) ? detokenizer.push(id) : '')), tail: detokenizer.flush() }
}

const withText = (codec: TextCodec, ids: readonly number[]) => ids.filter((id) => codec.hasText(id))

/** After each token at least what vLLM would have sent, at most what can be known. */
function keepsPace(sent: readonly string[], least: readonly string[], most: readonly string[]): boolean {
  const soFar = { sent: '', least: '', most: '' }
  return sent.every((piece, index) => {
    soFar.sent += piece
    soFar.least += least[index] ?? ''
    soFar.most += most[index] ?? ''
    return soFar.sent.startsWith(soFar.least) && soFar.most.startsWith(soFar.sent)
  })
}

describe.each(TOKENIZERS)('tokenizer of %s', (name) => {
  const golden = tokenizerGolden(name)
  const codec = codecOf(name)

  it('[TX6] is the file of the golden results', () => {
    expect(createHash('sha256').update(tokenizerBytes(name)).digest('hex')).toBe(golden.about.tokenizer_json_sha256)
  })

  it('[TX6] encodes, decodes and streams as the Rust library does, but for known gaps', () => {
    const differing: TokenizerGap[] = []
    const check = (what: string, input: TokenizerGap['input'], expected: unknown, got: unknown) => {
      if (JSON.stringify(expected) !== JSON.stringify(got)) differing.push({ what, input })
    }
    for (const { text, ids, ids_special: special, ids_as_text: asText, text_full: full, text_skip: skip } of golden.strings) {
      check('encode', text, ids, codec.encode(text, false))
      check('encode with special', text, special, codec.encode(text, true))
      check('encode as text', text, asText ?? ids, encodedAsText(codec, text))
      check('decode', text, full, codec.decode(special))
      check('decode, skip special', text, skip, codec.decode(withText(codec, special)))
    }
    for (const { ids, text_full: full, text_skip: skip } of golden.decodes) {
      check('decode of ids', ids, full, codec.decode(ids))
      check('decode of ids, skip special', ids, skip, codec.decode(withText(codec, ids)))
    }
    for (const { ids, text, pieces, eager } of golden.streams) {
      const sent = streamed(codec, ids)
      check('stream', ids, text, sent.pieces.join('') + sent.tail)
      check('pace of the stream', ids, true, keepsPace(sent.pieces, pieces, eager ?? pieces))
    }
    expect(differing).toEqual(tokenizerGaps(name))
  })

  it('[TX6] comes back from encoding as the same text, but for what normalising changes', () => {
    const normal = (text: string) => (name.startsWith('mistral') ? text : text.normalize('NFC'))
    const arbText = fc.string({ unit: 'grapheme', maxLength: 80 }).map((text) => `a${text}`)
    fc.assert(fc.property(arbText, (text) => void expect(codec.decode(codec.encode(text, false))).toBe(normal(text))))
  })

  it('[TX7] streams any ids as it decodes them at once', () => {
    const vocab = 32_000
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer({ min: 0, max: vocab - 1 }), fc.integer({ min: 0, max: 300 })), { maxLength: 60 }), (ids) => {
        const { pieces, tail } = streamed(codec, ids)
        expect(pieces.join('') + tail).toBe(codec.decode(withText(codec, ids)))
        expect(pieces.every((piece) => piece.isWellFormed())).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
