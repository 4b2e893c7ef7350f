import { expect, it } from 'vitest'
import { demoModel } from '../../../test/contract/demo-model.ts'
import { answerMeta } from './answer-meta.ts'

const fingerprint = (served: object) => answerMeta({ ...demoModel(), ...served }, 'id', 'object', 0).system_fingerprint

it('[NU2] whatever changes the bits changes the fingerprint: pack, tier and trunk', () => {
  const prints = [{}, { digest: 'f'.repeat(64) }, { tier: 'q4' }, { trunk: 'q4' }, { tier: 'q4', trunk: 'q4' }, { tier: 'f32', trunk: 'f32' }].map(fingerprint)
  expect(new Set(prints).size).toBe(prints.length)
  expect(fingerprint({ trunk: 'q4' })).toBe('isomoe-q8-trunk-q4-0123456789ab')
})
