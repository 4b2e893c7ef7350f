import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PROBE_LIMITS } from '../../shared/protocol/probe-api.ts'
import { Question } from './requests.ts'
import { wasmFeatures } from './wasm-features.ts'

it('[CO9] a question is bounded in every amount; what is none is refused', () => {
  expect(Question.safeParse({ kind: 'sharing', objects: PROBE_LIMITS.objectsMax }).success).toBe(true)
  const refused = [
    { kind: 'sharing', objects: PROBE_LIMITS.objectsMax + 1 },
    { kind: 'round-trip', hint: 'moon', calls: 10 },
    { kind: 'storage', rangeBytes: PROBE_LIMITS.rangeBytesMax + 1, inFlight: 1, reads: 1 },
    { kind: 'storage', rangeBytes: 1, inFlight: PROBE_LIMITS.inFlightMax + 1, reads: 1 },
    { kind: 'memory', maxMiB: 0 },
    { kind: 'wasm', more: 1 },
    { kind: 'signal', name: '../x' },
    {},
    null,
  ]
  for (const question of refused) expect(Question.safeParse(question).success).toBe(false)
  fc.assert(fc.property(fc.anything(), (value) => !Question.safeParse(value).success))
})

it('[CO9] the modules that ask for SIMD are valid where it is known, as it is here', () => {
  expect(wasmFeatures()).toEqual({ simd: true, relaxedSimd: true })
})
