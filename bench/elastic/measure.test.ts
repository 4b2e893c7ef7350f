import { expect, it } from 'vitest'
import { tokenRate } from './measure.ts'

const record = (sentMs: number, pieceMs: readonly number[]) => ({ sentMs, pieceMs }) as Parameters<typeof tokenRate>[0][number]

it('a token counts over the time that it took, so a span shorter than a step has a rate', () => {
  const steady = [record(0, [100, 200, 300, 400]), record(50, [150, 250, 350, 450])]
  expect(tokenRate(steady, 100, 400)).toBeCloseTo(20)
  expect(tokenRate(steady, 210, 240)).toBeCloseTo(20)
})

it('a stall shows in every span that it covers', () => {
  const stalled = [record(0, [100, 200, 600, 700])]
  expect(tokenRate(stalled, 0, 200)).toBeCloseTo(10)
  expect(tokenRate(stalled, 300, 400)).toBeCloseTo(2.5)
  expect(tokenRate(stalled, 800, 900)).toBe(0)
})
