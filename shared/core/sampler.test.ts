import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SamplingParams } from '../protocol/engine-api.ts'
import { uniform } from './random.ts'
import { argmax } from './ranking.ts'
import { logprobsOf, sampleToken } from './sampler.ts'

const PLAIN: SamplingParams = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1234 }

/** exp(logit) is proportional to these. */
const WEIGHTS = [1, 8, 4, 0.5, 2, 4, 0.25, 0.25]
const LOGITS = Float32Array.from(WEIGHTS, Math.log)

const arbLogits = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 300 }).map((list) => Float32Array.from(list))
const arbParams: fc.Arbitrary<SamplingParams> = fc.record({
  temperature: fc.double({ min: 0.05, max: 5, noNaN: true }),
  topK: fc.integer({ min: 0, max: 310 }),
  topP: fc.oneof(fc.double({ min: 1e-6, max: 0.999, noNaN: true }), fc.constant(1)),
  minP: fc.double({ min: 0, max: 1, noNaN: true }),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
})

function sample(logits: Float32Array, params: SamplingParams, choice: number, position: number): number {
  return sampleToken(logits, argmax(logits), params, choice, position)
}

function score(logits: Float32Array, id: number, top: number) {
  return logprobsOf(logits, argmax(logits), id, top)
}

/** Draws a token at each of `draws` positions; every id's count must be within 5 standard deviations of what `weights` promise. */
function expectDistribution(logits: Float32Array, params: SamplingParams, weights: readonly number[], draws: number): void {
  const counts = weights.map(() => 0)
  for (let position = 0; position < draws; position++) counts[sample(logits, params, 0, position)]! += 1
  const total = weights.reduce((a, b) => a + b)
  weights.forEach((weight, id) => {
    const p = weight / total
    const deviation = Math.sqrt(draws * p * (1 - p))
    expect(Math.abs(counts[id]! - draws * p), `count of token ${id}`).toBeLessThanOrEqual(5 * deviation)
  })
}

/**
 * The same choice by the definition: sort, cut, and walk the cumulative probabilities. The production code ranks as little as it can and
 * never sorts a vocabulary; here nothing is spared.
 */
function sampleByDefinition(logits: Float32Array, params: SamplingParams, choice: number, position: number): number {
  const largest = logits[argmax(logits)]!
  let kept = Array.from(logits, (logit, id) => ({ id, logit, p: Math.exp((logit - largest) / params.temperature) }))
  kept.sort((a, b) => b.logit - a.logit || a.id - b.id)
  if (params.topK > 0) kept = kept.slice(0, params.topK)
  const mass = sum(kept)
  if (params.topP < 1) kept = kept.filter((_, rank) => sum(kept.slice(0, rank)) < params.topP * mass)
  kept = kept.filter(({ p }) => p >= params.minP).sort((a, b) => a.id - b.id)
  const target = uniform(params.seed, choice, position) * sum(kept)
  return kept.find((_, at) => sum(kept.slice(0, at + 1)) > target)!.id
}

function sum(candidates: readonly { readonly p: number }[]): number {
  return candidates.reduce((total, { p }) => total + p, 0)
}

describe('sampleToken', () => {
  it('[NU7] takes the largest logit at temperature 0, the lowest id of equals', () => {
    expect(sample(Float32Array.of(-1, 3, 2, 3), { ...PLAIN, temperature: 0 }, 0, 0)).toBe(1)
    expect(sample(Float32Array.of(-Infinity, -2, -2), { ...PLAIN, temperature: 0 }, 0, 0)).toBe(1)
  })

  it('[NU6] draws the same token for the same seed, choice and position, whatever was drawn before', () => {
    fc.assert(
      fc.property(arbLogits, arbParams, fc.nat(15), fc.nat(5000), (logits, params, choice, position) => {
        const first = sample(logits, params, choice, position)
        sample(logits, params, choice + 1, position)
        expect(sample(logits, params, choice, position)).toBe(first)
      }),
    )
  })

  it('[NU6] draws what the definition of the filters says', () => {
    fc.assert(
      fc.property(arbLogits, arbParams, fc.nat(5000), (logits, params, position) => {
        expect(sample(logits, params, 0, position)).toBe(sampleByDefinition(logits, params, 0, position))
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    ['topK 1', { topK: 1 }],
    ['a tiny topP', { topP: 1e-9 }],
    ['minP 1 without ties', { minP: 1 }],
    ['a tiny temperature', { temperature: 1e-9 }],
  ])('[NU6] %s is greedy', (_, change) => {
    const distinct = arbLogits.map((logits) => logits.map((logit, id) => Math.fround(Math.round(logit) * 512 + id)))
    fc.assert(
      fc.property(distinct, fc.nat(1000), (logits, position) => {
        expect(sample(logits, { ...PLAIN, ...change }, 0, position)).toBe(argmax(logits))
      }),
    )
  })

  it.each([
    ['softmax alone', {}, WEIGHTS],
    ['temperature 2', { temperature: 2 }, WEIGHTS.map(Math.sqrt)],
    ['topK 3', { topK: 3 }, [0, 8, 4, 0, 0, 4, 0, 0]],
    ['topK 2, the tie for the last place to the lower id', { topK: 2 }, [0, 8, 4, 0, 0, 0, 0, 0]],
    ['topP 0.7: 8 + 4 of 20 are too few, 16 are enough', { topP: 0.7 }, [0, 8, 4, 0, 0, 4, 0, 0]],
    ['topP of what topK left: 8 of 12 are enough', { topK: 2, topP: 0.6 }, [0, 8, 0, 0, 0, 0, 0, 0]],
    ['minP 0.2 of the largest', { minP: 0.2 }, [0, 8, 4, 0, 2, 4, 0, 0]],
    ['all filters', { topK: 5, topP: 0.95, minP: 0.2 }, [0, 8, 4, 0, 2, 4, 0, 0]],
  ])('[NU6] draws with the probabilities of %s', (_, change, weights) => {
    expectDistribution(LOGITS, { ...PLAIN, ...change }, weights, 20_000)
  })

  it('[NU6] cuts a flat vocabulary by id', () => {
    const flat = new Float32Array(1000)
    expectDistribution(
      flat,
      { ...PLAIN, topP: 0.5 },
      Array.from(flat, (_, id) => (id < 500 ? 1 : 0)),
      1000,
    )
  })

  it('[NU6] draws every choice from its own numbers', () => {
    const draw = (choice: number) => Array.from({ length: 40 }, (_, position) => sample(LOGITS, PLAIN, choice, position)).join()
    expect(draw(0)).not.toBe(draw(1))
  })

  it('[NU6] never draws a token of probability 0', () => {
    const logits = Float32Array.of(-Infinity, 0, -Infinity, -2000)
    for (let position = 0; position < 200; position++) expect(sample(logits, PLAIN, 0, position)).toBe(1)
  })

  it.each([
    ['a NaN', [0, Number.NaN]],
    ['+∞', [0, Infinity]],
    ['nothing finite', [-Infinity, -Infinity]],
  ])('[NU6] throws on logits with %s', (_, logits) => {
    expect(() => sample(Float32Array.from(logits), PLAIN, 0, 0)).toThrow(/logit/)
    expect(() => score(Float32Array.from(logits), 0, 1)).toThrow(/logit/)
  })
})

describe('logprobsOf', () => {
  it('[NU8] gives ln softmax of the logits, the best first, ties to the lower id', () => {
    const { id, logprob, top } = score(LOGITS, 4, 3)
    expect([id, top.map(([other]) => other)]).toEqual([4, [1, 2, 5]])
    expect(logprob).toBeCloseTo(Math.log(2 / 20), 6) // the logits are f32: 1e-7 of each
    expect(top[0]![1]).toBeCloseTo(Math.log(8 / 20), 6)
  })

  it('[NU8] sums to probability 1 over a whole vocabulary, at any offset of the logits', () => {
    fc.assert(
      fc.property(arbLogits, fc.constantFrom(-5000, 0, 5000), (logits, offset) => {
        const { top } = score(
          logits.map((logit) => logit + offset),
          0,
          logits.length,
        )
        expect(top.reduce((total, [, logprob]) => total + Math.exp(logprob), 0)).toBeCloseTo(1, 9)
      }),
    )
  })
})
