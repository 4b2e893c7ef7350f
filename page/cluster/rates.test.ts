import { expect, it } from 'vitest'
import { addSample, ratesOf } from './rates.ts'
import type { Sample } from './rates.ts'

const sample = (atMs: number, generatedTokens: number, isolateId = 'a'): Sample => ({ atMs, isolateId, generatedTokens, steps: generatedTokens / 10 })
const gather = (...all: readonly Sample[]) => all.reduce(addSample, [] as readonly Sample[])

it('[LP4] rates are over the last seconds, the history between each two samples', () => {
  expect(ratesOf(gather(sample(0, 0), sample(1000, 100), sample(2000, 300), sample(3000, 600), sample(4000, 600)))).toEqual({
    tokensPerS: 500 / 3,
    stepsPerS: 50 / 3,
    history: [100, 200, 300, 0],
  })
})

it('[LP4] nothing is known of one sample, and a reset of the engine begins anew', () => {
  expect(ratesOf([])).toEqual({ tokensPerS: null, stepsPerS: null, history: [] })
  expect(ratesOf(gather(sample(0, 5)))).toMatchObject({ tokensPerS: null })
  expect(gather(sample(0, 50), sample(1000, 5))).toEqual([sample(1000, 5)])
  expect(gather(sample(0, 50), sample(1000, 60, 'b'))).toEqual([sample(1000, 60, 'b')])
  expect(gather(sample(0, 50), sample(0, 60))).toEqual([sample(0, 50)])
})

it('[LP4] keeps a bounded history', () => {
  expect(gather(...Array.from({ length: 500 }, (_, i) => sample(i, i)))).toHaveLength(91)
})
