import { expect, it } from 'vitest'
import { batchDecodeRate, createPrompts, decodeRate, prefillRate } from './workload.ts'

it('prompts are letters, never the same twice, and the same in every run', () => {
  const [a, b] = [createPrompts(1), createPrompts(1)]
  const first = a(200)
  expect(first.every((id) => id >= 97 && id <= 122)).toBe(true)
  expect(b(200)).toEqual(first)
  expect(a(200)).not.toEqual(first)
})

it('rates count what came after the first token', () => {
  expect(decodeRate([100, 110, 120, 130])).toBeCloseTo(100)
  expect(() => decodeRate([100])).toThrow('two tokens')
  expect(prefillRate(512, 256)).toBe(2000)
})

it('a batch is measured while all of it decodes', () => {
  // Sequence 0 begins at 10 and ends at 60; sequence 1 begins at 30 and ends at 80. Both decode from 30 to 60, a step each 10 ms.
  const times = (index: number, from: number) => Array.from({ length: 6 }, (_, i) => ({ index, atMs: from + 10 * i }))
  expect(batchDecodeRate({ tokens: [...times(0, 10), ...times(1, 30)] }, 2)).toBeCloseTo(2 * 100)
  // Sequence 1 makes a token each 20 ms: sequences need not keep in step.
  const slow = Array.from({ length: 4 }, (_, i) => ({ index: 1, atMs: 30 + 20 * i }))
  expect(batchDecodeRate({ tokens: [...times(0, 10), ...slow] }, 2)).toBeCloseTo(100 + 50)
  expect(() => batchDecodeRate({ tokens: times(0, 10) }, 2)).toThrow('a sequence without a token')
})
