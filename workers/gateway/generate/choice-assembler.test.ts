import { describe, expect, it } from 'vitest'
import type { TextCodec } from '../model/text-codec.ts'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { ChoiceAssembler } from './choice-assembler.ts'
import type { Piece } from './choice-assembler.ts'

const codec = demoCodec()
const END = 2

/** Pieces of these ids with log-probabilities, up to the stop string or the end. */
function assemble(ids: readonly number[], stops: readonly string[], withCodec: TextCodec | null = codec): Piece[] {
  const assembler = new ChoiceAssembler(withCodec, stops, [])
  const pieces: Piece[] = []
  for (const id of ids) {
    const { piece, stop } = assembler.push(id, { id, logprob: -1, top: [] })
    pieces.push(piece)
    if (stop) return pieces
  }
  return [...pieces, assembler.finish().piece]
}

const textOf = (pieces: readonly Piece[]) => pieces.map(({ text }) => text).join('')
const idsOf = (pieces: readonly Piece[]) => pieces.flatMap(({ ids }) => ids)
const offsetsOf = (pieces: readonly Piece[]) => pieces.flatMap(({ scored }) => scored.map(({ offset }) => offset))

describe('ChoiceAssembler', () => {
  it('[AP5] lets the tokens of a character wait until it is whole, then gives them with it', () => {
    const ids = codec.encode(' a🙂', false)
    const pieces = assemble(ids, [])
    expect(pieces.map(({ text }) => text)).toEqual([' a', '', '', '', '🙂', ''])
    expect(pieces.map((piece) => piece.ids.length)).toEqual([1, 0, 0, 0, 4, 0])
    expect(offsetsOf(pieces)).toEqual([0, 2, 2, 2, 2])
  })

  it('[AP6] lets tokens wait with text that may be a stop string', () => {
    const ids = codec.encode('one two three', false)
    const pieces = assemble(ids, [' two four'])
    expect(textOf(pieces)).toBe('one two three')
    expect(idsOf(pieces)).toEqual(ids)
    expect(pieces.every((piece) => piece.text !== '' || piece.ids.length === 0)).toBe(true)
  })

  it('[AP6] counts the tokens of the stop string, but gives log-probabilities only as far as the text goes', () => {
    const ids = codec.encode('one two three', false)
    const pieces = assemble(ids, [' three'])
    expect(textOf(pieces)).toBe('one two')
    expect(idsOf(pieces)).toEqual(ids)
    expect(offsetsOf(pieces)).toEqual([0, 3])
  })

  it('[AP4] gives no text for special tokens, and goes on behind them', () => {
    const [one = -1] = codec.encode(' a', false)
    const pieces = assemble([one, END, one], [])
    expect(pieces.map(({ text }) => text)).toEqual([' a', '', ' a', ''])
    expect(idsOf(pieces)).toEqual([one, END, one])
  })

  it('[AP5] gives U+FFFD at the end for a character that never became whole', () => {
    const ids = codec.encode('🙂', false).slice(0, 3)
    const pieces = assemble(ids, [])
    expect(textOf(pieces)).toBe('\u{fffd}')
    expect(idsOf(pieces)).toEqual(ids)
  })

  it('[PK8] without a tokenizer gives each token at once and no text', () => {
    const pieces = assemble([5, 6], [], null)
    expect(pieces.map(({ ids }) => ids)).toEqual([[5], [6], []])
    expect(textOf(pieces)).toBe('')
  })
})
