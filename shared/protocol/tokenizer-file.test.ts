import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bpeTokenizer } from '../core/tokenizer/bpe-tokenizer.ts'
import { LIMITS } from './limits.ts'
import { readTokenizerFile, writeTokenizerFile } from './tokenizer-file.ts'

const SOURCE = { model: { type: 'BPE', vocab: { a: 0, ü: 1, aü: 3, '🙂': 4 }, merges: ['a ü'] }, decoder: { type: 'ByteLevel' } }
const file = () => writeTokenizerFile(bpeTokenizer(SOURCE, LIMITS.vocabMax))

function withWord(index: number, word: number): Uint8Array<ArrayBuffer> {
  const bytes = file()
  new DataView(bytes.buffer).setUint32(4 * index, word, true)
  return bytes
}

describe('tokenizer.bin', () => {
  it('[TX9] gives back what was written, the same bytes for the same tokenizer', () => {
    const { json, vocabulary, merges } = readTokenizerFile(file())
    expect(json).toEqual({ model: { type: 'BPE', vocab: {}, merges: [] }, decoder: { type: 'ByteLevel' } })
    expect([0, 1, 2, 3, 4, 5].map((id) => vocabulary.textOf(id))).toEqual(['a', 'ü', undefined, 'aü', '🙂', undefined])
    expect(merges.rankOf(0, 1)).toBe(0)
    expect(file()).toEqual(file())
  })

  it.each([
    ['another magic', withWord(0, 1), 'no tokenizer file'],
    ['a later version', withWord(1, 2), 'version 2'],
    ['too many entries', withWord(2, LIMITS.vocabMax + 1), 'more entries'],
    ['too much text', withWord(3, 0xffffffff), 'more entries'],
    ['too many merges', withWord(4, 0xffffffff), 'more entries'],
    ['too much JSON', withWord(5, 0xffffffff), 'more entries'],
    ['counts beyond its bytes', withWord(2, LIMITS.vocabMax), 'its counts make'],
    ['entries that go backwards', withWord(7, 9), 'a length that is not allowed'],
    ['a merge of no entry', withWord(12, 5), 'outside the vocabulary'],
    ['nothing', new Uint8Array(), 'too short'],
  ])('[PK7] with %s is refused by name', (_, bytes, words) => {
    expect(() => readTokenizerFile(bytes)).toThrow(words)
  })

  it('[PK7] with any bytes changed is read or refused, with an Error', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(file().byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }), fc.nat(4), (changes, cut) => {
        const bytes = file()
        for (const [at, byte] of changes) bytes[at] = byte
        try {
          const { vocabulary } = readTokenizerFile(bytes.slice(0, bytes.byteLength - cut))
          expect(vocabulary.count).toBeLessThanOrEqual(LIMITS.vocabMax)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
      { numRuns: 500 },
    )
  })
})
