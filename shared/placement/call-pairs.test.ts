import { expect, it } from 'vitest'
import { callPairsOf } from './call-pairs.ts'

const shape = (hidden: number, width: number) => ({ hidden, expert: { activation: 'swiglu', width } }) as Parameters<typeof callPairsOf>[0]

it('[EL2] what a call costs, in pairs: more where experts are small, less where hosts are slow', () => {
  expect(callPairsOf(shape(256, 256))).toBe(6)
  expect(callPairsOf(shape(2048, 768))).toBe(0)
  expect(callPairsOf(shape(256, 256), 5e9)).toBe(1)
  expect(callPairsOf(shape(256, 256), 1e8)).toBe(0)
  expect(callPairsOf(shape(256, 256), 1e12)).toBe(6)
})
