import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogitAdjustments } from '../protocol/engine-api.ts'
import { distinctIds, LogitAdjuster, LOWEST_LOGIT, TokenTally } from './logit-adjustments.ts'

const NEUTRAL: LogitAdjustments = { presencePenalty: 0, frequencyPenalty: 0, repetitionPenalty: 1, bias: [], minTokens: 0 }
const VOCAB = 40
const NEVER: number[] = []

const arbLogits = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: VOCAB, maxLength: VOCAB }).map((list) => Float32Array.from(list))
const arbTokens = fc.array(fc.nat(VOCAB - 1), { maxLength: 60 })
const arbAdjustments: fc.Arbitrary<LogitAdjustments> = fc.record({
  presencePenalty: fc.double({ min: -2, max: 2, noNaN: true }),
  frequencyPenalty: fc.double({ min: -2, max: 2, noNaN: true }),
  repetitionPenalty: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 10, noNaN: true })),
  bias: fc.uniqueArray(fc.tuple(fc.nat(VOCAB - 1), fc.double({ min: -100, max: 100, noNaN: true })), { selector: ([id]) => id }),
  minTokens: fc.nat(70),
})

function tallyOf(prompt: readonly number[], continuation: readonly number[]): TokenTally {
  const tally = new TokenTally(distinctIds(prompt), prompt.length)
  tally.follow([...prompt, ...continuation])
  return tally
}

function adjusted(
  logits: Float32Array,
  change: Partial<LogitAdjustments>,
  prompt: readonly number[],
  continuation: readonly number[],
  stops = NEVER,
): number[] {
  const row = logits.slice()
  new LogitAdjuster().adjust(row, { ...NEUTRAL, ...change }, tallyOf(prompt, continuation), stops)
  return [...row]
}

const unsignZero = (value: number) => value + 0

/** The same by the definition, token by token over the whole vocabulary; bias is rounded to f32 before the rest, as the rule says. */
function adjustByDefinition(logits: Float32Array, a: LogitAdjustments, prompt: readonly number[], continuation: readonly number[], stops: readonly number[]) {
  return Array.from(logits, (logit, id) => {
    const count = continuation.filter((token) => token === id).length
    const known = count > 0 || prompt.includes(id)
    const biased = Math.fround(logit + (a.bias.find(([token]) => token === id)?.[1] ?? 0))
    const repeated = !known ? biased : biased > 0 ? biased / a.repetitionPenalty : biased * a.repetitionPenalty
    const penalised = repeated - a.frequencyPenalty * count - (count > 0 ? a.presencePenalty : 0)
    return stops.includes(id) && continuation.length < a.minTokens ? LOWEST_LOGIT : Math.fround(penalised)
  })
}

describe('LogitAdjuster', () => {
  const logits = Float32Array.of(4, -4, 4, -4, 1)

  it.each([
    ['bias is added', { bias: [[4, -2.5]] }, [4, -4, 4, -4, -1.5]],
    ['presence counts once, of the continuation alone', { presencePenalty: 0.5 }, [4, -4, 3.5, -4.5, 1]],
    ['frequency counts each, of the continuation alone', { frequencyPenalty: 0.5 }, [4, -4, 3, -4.5, 1]],
    ['repetition divides what is positive and multiplies what is not, also of the prompt', { repetitionPenalty: 2 }, [2, -8, 2, -8, 1]],
    ['repetition acts on the biased logit', { repetitionPenalty: 2, bias: [[0, -6]] }, [-4, -8, 2, -8, 1]],
    ['repetition comes before the others', { repetitionPenalty: 2, frequencyPenalty: 1, presencePenalty: 0.25 }, [2, -8, -0.25, -9.25, 1]],
  ] satisfies [string, Partial<LogitAdjustments>, number[]][])('[SA1] [SA2] %s', (_, change, expected) => {
    expect(adjusted(logits, change, [0, 1, 1, 2], [2, 3, 2])).toEqual(expected)
  })

  it('[SA6] stop tokens come last of all until the continuation has its least tokens', () => {
    expect(adjusted(logits, { minTokens: 3, bias: [[0, 100]] }, [1], [2, 2], [0, 3])).toEqual([LOWEST_LOGIT, -4, 4, LOWEST_LOGIT, 1])
    expect(adjusted(logits, { minTokens: 3 }, [1], [2, 2, 4], [0, 3])).toEqual([...logits])
  })

  it('[SA1] [SA2] does what the definition says, and touches no more', () => {
    fc.assert(
      fc.property(arbLogits, arbAdjustments, arbTokens, arbTokens, fc.subarray([0, 7, 39]), (row, adjustments, prompt, continuation, stops) => {
        const got = adjusted(row, adjustments, prompt, continuation, stops)
        expect(got.map(unsignZero)).toEqual(adjustByDefinition(row, adjustments, prompt, continuation, stops).map(unsignZero))
      }),
    )
  })

  it('[SA3] puts every bit back, also where a token was changed twice', () => {
    fc.assert(
      fc.property(arbLogits, fc.array(arbAdjustments, { minLength: 1, maxLength: 3 }), arbTokens, arbTokens, (row, rounds, prompt, continuation) => {
        const adjuster = new LogitAdjuster()
        const bits = new Uint32Array(row.slice().buffer)
        for (const adjustments of rounds) {
          adjuster.adjust(row, adjustments, tallyOf(prompt, continuation), [3, 4])
          adjuster.restore(row)
          expect(new Uint32Array(row.buffer, row.byteOffset, row.length)).toEqual(bits)
        }
      }),
    )
  })

  it('[SA4] a tally that follows token by token is one that is made at once', () => {
    fc.assert(
      fc.property(arbTokens, arbTokens, (prompt, continuation) => {
        const tally = new TokenTally(distinctIds(prompt), prompt.length)
        const tokens = [...prompt]
        tally.follow(tokens)
        for (const id of continuation) {
          tokens.push(id)
          tally.follow(tokens)
        }
        expect(tally.counts).toEqual(tallyOf(prompt, continuation).counts)
        expect([...tally.promptIds()].toSorted()).toEqual([...new Set(prompt)].toSorted())
      }),
    )
  })
})
