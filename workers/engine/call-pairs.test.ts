import { expect, it } from 'vitest'
import { callPairsOf, callPairsSetting } from './call-pairs.ts'

const shape = (hidden: number, width: number) => ({ hidden, expert: { activation: 'swiglu', width } }) as Parameters<typeof callPairsOf>[0]

it('[EL2] what a call costs, in pairs: more where experts are small; a setting overrides it', () => {
  expect(callPairsOf(shape(256, 256))).toBe(6)
  expect(callPairsOf(shape(2048, 768))).toBe(0)
  expect(callPairsSetting('auto', shape(256, 256))).toBe(6)
  expect(callPairsSetting('0', shape(256, 256))).toBe(0)
  expect(() => callPairsSetting('many', shape(256, 256))).toThrow('CALL_PAIRS')
})
