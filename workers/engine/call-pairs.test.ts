import { expect, it } from 'vitest'
import { callPairsSetting } from './call-pairs.ts'

it('[EL2] what a call costs, in pairs, is worked out or set', () => {
  const spec = { hidden: 256, expert: { activation: 'swiglu', width: 256 } } as Parameters<typeof callPairsSetting>[1]
  expect(callPairsSetting('auto', spec)).toBe(6)
  expect(callPairsSetting('0', spec)).toBe(0)
  expect(() => callPairsSetting('many', spec)).toThrow('CALL_PAIRS')
})
