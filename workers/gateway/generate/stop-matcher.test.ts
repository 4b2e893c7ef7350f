import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StopMatcher } from './stop-matcher.ts'

/** Few letters, so that stop strings overlap each other and themselves. */
const arbStops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 5 }), { maxLength: 4 })
const arbPieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 6 }), { maxLength: 12 })

/** What the client gets, and how much was held back after each piece. */
function run(stops: readonly string[], pieces: readonly string[]) {
  const matcher = new StopMatcher(stops)
  let sent = ''
  let seen = ''
  const held: string[] = []
  for (const piece of pieces) {
    const { text, stop } = matcher.push(piece)
    sent += text
    seen += piece
    if (stop !== null) return { text: sent, stopped: true, held }
    held.push(seen.slice(sent.length))
  }
  return { text: sent + matcher.flush(), stopped: false, held }
}

/** The rule said directly: cut where the stop string begins that is complete first; of two that end together, the longer. */
function cutText(stops: readonly string[], text: string): string {
  for (let end = 1; end <= text.length; end++) {
    const ending = stops.filter((stop) => text.slice(0, end).endsWith(stop)).toSorted((a, b) => b.length - a.length)[0]
    if (ending !== undefined) return text.slice(0, end - ending.length)
  }
  return text
}

describe('StopMatcher', () => {
  it('[AP6] cuts the text before the stop string, however it is cut into pieces', () => {
    fc.assert(
      fc.property(arbStops, arbPieces, (stops, pieces) => {
        const { text, stopped } = run(stops, pieces)
        const whole = pieces.join('')
        expect(text).toBe(cutText(stops, whole))
        expect(stopped).toBe(stops.some((stop) => whole.includes(stop)))
      }),
      { numRuns: 1000 },
    )
  })

  it('[AP6] holds back exactly the longest end that may be the beginning of a stop string', () => {
    fc.assert(
      fc.property(arbStops, arbPieces, (stops, pieces) => {
        let seen = ''
        for (const [index, held] of run(stops, pieces).held.entries()) {
          seen += pieces[index]
          const ends = Array.from(seen, (_, start) => seen.slice(start)).filter((end) => stops.some((stop) => stop.startsWith(end)))
          expect(held).toBe(ends[0] ?? '')
        }
      }),
      { numRuns: 500 },
    )
  })

  it('[AP6] gives held text when it turns out to be something else', () => {
    const matcher = new StopMatcher(['\n\n'])
    expect(matcher.push('one\n')).toEqual({ text: 'one', stop: null })
    expect(matcher.push('two\n')).toEqual({ text: '\ntwo', stop: null })
    expect(matcher.push('\nthree')).toEqual({ text: '', stop: '\n\n' })
  })

  it('[AP6] gives held text at the end', () => {
    const matcher = new StopMatcher(['END'])
    expect(matcher.push('the EN').text).toBe('the ')
    expect(matcher.flush()).toBe('EN')
  })

  it('[AP5] never cuts a surrogate pair', () => {
    const arbEmoji = fc.string({ unit: fc.constantFrom('🙂', '🙃', 'a'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(arbEmoji, { maxLength: 4 }), fc.array(arbEmoji, { maxLength: 8 }), (stops, pieces) => {
        const matcher = new StopMatcher(stops)
        expect(pieces.every((piece) => matcher.push(piece).text.isWellFormed())).toBe(true)
      }),
    )
  })
})
