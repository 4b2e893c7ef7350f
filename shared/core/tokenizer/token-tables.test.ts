import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bpeTokenizer, isBpe } from './bpe-tokenizer.ts'

const arbEntry = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }), fc.constantFrom('constructor', '__proto__x', '\u{fffd}', '\ud800'))
const arbVocab = fc.uniqueArray(arbEntry, { minLength: 1, maxLength: 80 })
const modelOf = (vocab: Readonly<Record<string, unknown>>, merges: unknown = []) => ({ model: { type: 'BPE', vocab, merges } })

describe('Vocabulary', () => {
  it('[TX6] finds each entry by its text and by its id, and nothing else', () => {
    fc.assert(
      fc.property(arbVocab, fc.array(arbEntry), fc.integer({ min: 0, max: 5 }), (entries, others, gap) => {
        const ids = new Map(entries.map((entry, index) => [entry, index * (gap + 1)]))
        const { vocabulary } = bpeTokenizer(modelOf(Object.fromEntries(ids)), 1000)
        for (const text of [...entries, ...others, '']) expect(vocabulary.idOf(text)).toBe(ids.get(text))
        for (let id = -1; id <= vocabulary.count; id++) expect(vocabulary.textOf(id)).toBe(entries.find((entry) => ids.get(entry) === id))
        expect([...vocabulary.entries()]).toEqual(Array.from(ids, ([entry, id]) => [id, entry]))
        expect(vocabulary.charsMax).toBe(Math.max(...entries.map(({ length }) => length)))
      }),
    )
  })
})

describe('MergeRanks', () => {
  it('[TX6] gives the rank of each pair, of the last of equal ones, and no other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 200 }), (pairs) => {
        const vocab = Object.fromEntries(Array.from({ length: 41 }, (_, id) => [`t${id}`, id]))
        const { merges } = bpeTokenizer(
          modelOf(
            vocab,
            pairs.map(([left, right], index) => (index % 2 === 0 ? `t${left} t${right}` : [`t${left}`, `t${right}`])),
          ),
          1000,
        )
        const ranks = new Map(pairs.map(([left, right], rank) => [`${left} ${right}`, rank]))
        for (let left = 0; left <= 41; left++) for (let right = 0; right <= 41; right++) expect(merges.rankOf(left, right)).toBe(ranks.get(`${left} ${right}`))
      }),
      { numRuns: 30 },
    )
  })
})

describe('bpeTokenizer', () => {
  it.each<[string, unknown, unknown, string]>([
    ['ids that are none', { a: -1 }, [], 'no id'],
    ['ids beyond the bound', { a: 1000 }, [], 'no id'],
    ['ids that are no numbers', { a: '1' }, [], 'no id'],
    ['an entry that is too long', { ['a'.repeat(4097)]: 1 }, [], 'model.vocab[1]'],
    ['an empty entry', { '': 1 }, [], 'empty'],
    ['a vocabulary that is a list', ['a'], [], 'no object'],
    ['merges that are none', { a: 1 }, {}, 'no list'],
    ['a merge of three', { a: 1 }, ['a a a'], 'merges[0]'],
    [
      'a merge of what is no entry',
      { a: 1 },
      [
        ['a', 'a'],
        ['a', 'b'],
      ],
      'merges[1]',
    ],
    ['a merge that is no text', { a: 1 }, [7], 'merges[0]'],
  ])('[PK5] refuses %s by name', (_, vocab, merges, words) => {
    expect(() => bpeTokenizer(modelOf(vocab as Record<string, unknown>, merges), 1000)).toThrow(words)
  })

  it('[TX9] leaves the rest of tokenizer.json as it is, and the source whole', () => {
    const json = { ...modelOf({ a: 0, b: 1, ab: 2 }, ['a b']), normalizer: { type: 'NFC' } }
    const { json: rest } = bpeTokenizer(json, 1000)
    expect(rest).toEqual({ model: { type: 'BPE', vocab: {}, merges: [] }, normalizer: { type: 'NFC' } })
    expect(json.model.merges).toEqual(['a b'])
    expect([isBpe(json), isBpe({}), isBpe({ model: { type: 'Unigram' } }), isBpe({ model: { type: 'BPE', end_of_word_suffix: '</w>' } })]).toEqual([
      true,
      false,
      false,
      false,
    ])
  })
})
