import { expect, it } from 'vitest'
import { probeVector } from './probe-vector.ts'

it('[PK10] the probe vector is exact in f32, spread over its range, and a longer one begins with a shorter one', () => {
  const vector = probeVector(4096)
  expect(Array.from(vector.subarray(0, 3))).toEqual([0.23606789112091064, -0.5278640985488892, 0.708203911781311])
  expect(vector.every((value, col) => value === (Math.imul(col + 1, 0x9e3779b1) >>> 8) / 2 ** 23 - 1)).toBe(true)
  const mean = vector.reduce((sum, value) => sum + value, 0) / vector.length
  expect(Math.abs(mean)).toBeLessThan(0.01)
  expect(new Set(vector).size).toBe(4096)
  expect(probeVector(40)).toEqual(vector.slice(0, 40))
})
