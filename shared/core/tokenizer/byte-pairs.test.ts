import { BPE } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bpeTokenizer } from './bpe-tokenizer.ts'
import { mergePairs } from './byte-pairs.ts'

const ALPHABET = ['a', 'b', 'c', '🙂']
const arbMerge = fc.tuple(fc.nat(), fc.nat())

/** Merges of entries that are there already, in any order of rank, as vocabularies have them. */
function modelOf(seeds: readonly (readonly [number, number])[]) {
  const entries = [...ALPHABET]
  const merges: [string, string][] = []
  for (const [left, right] of seeds) {
    const pair: [string, string] = [entries[left % entries.length]!, entries[right % entries.length]!]
    if (pair.join('').length > 12 || merges.some(([a, b]) => a === pair[0] && b === pair[1])) continue
    merges.push(pair)
    if (!entries.includes(pair.join(''))) entries.push(pair.join(''))
  }
  return { type: 'BPE' as const, ignore_merges: false, vocab: Object.fromEntries(entries.map((entry, id) => [entry, id])), merges }
}

describe('mergePairs', () => {
  it('[TX6] gives the pieces of the library, for any merges and texts', () => {
    const arbText = fc.array(fc.constantFrom(...ALPHABET, 'x'), { maxLength: 60 }).map((characters) => characters.join(''))
    fc.assert(
      fc.property(fc.array(arbMerge, { maxLength: 30 }), arbText, (seeds, text) => {
        const model = modelOf(seeds)
        const { vocabulary, merges } = bpeTokenizer({ model }, 1000)
        const pieces = mergePairs(text, vocabulary, merges)
        expect(pieces.join('')).toBe(text)
        expect(pieces).toEqual((new BPE(model) as unknown as { bpe(text: string): string[] }).bpe(text))
      }),
      { numRuns: 1000 },
    )
  })

  it('[TX6] takes the longest text that a request may have, of one character', () => {
    const { vocabulary, merges } = bpeTokenizer(
      {
        model: modelOf([
          [0, 0],
          [4, 4],
          [5, 5],
        ]),
      },
      1000,
    )
    const pieces = mergePairs('a'.repeat(1 << 18), vocabulary, merges)
    expect(new Set(pieces)).toEqual(new Set(['a'.repeat(8)]))
    expect(pieces).toHaveLength(1 << 15)
  })
})
