import { expect, it } from 'vitest'
import { KernelRig, onEveryBuild, sameBits } from './kernel-rig.ts'

/** exp_row of a row whose maximum is 0 is e^x of each: the way to the one exp of the kernels. */
function expOf(values: ArrayLike<number>): Float32Array {
  return onEveryBuild((rig) => {
    const row = rig.alloc(values.length + 1)
    rig.arena.f32(row, 1)[0] = 0
    rig.arena.f32(row + 4, values.length).set(values)
    rig.k.exp_row(row, values.length + 1)
    return rig.take(row + 4, values.length)
  })
}

it('[NU5] exp is within 2e-7 of e^x from 0 down to the smallest normal number', () => {
  const x = Float32Array.from({ length: 200_000 }, (_, i) => (-87.33 * i) / 199_999)
  const got = expOf(x)
  const worst = x.reduce((max, v, i) => Math.max(max, Math.abs(got[i]! / Math.exp(v) - 1)), 0)
  expect(worst).toBeLessThan(2e-7)
})

it('[NU5] sigmoid is within 3e-7 on both sides, through exp of positive and of negative numbers', () => {
  const { k } = new KernelRig('relaxed')
  for (let x = -87; x <= 87; x += 0.0371) {
    const v = Math.fround(x)
    expect(Math.abs(k.sigmoid(v) * (1 + Math.exp(-v)) - 1)).toBeLessThan(3e-7)
  }
})

it('[NU5] exp(0) is 1, far below is 0, never a denormal and never NaN', () => {
  expect([...expOf([0, -0, -87.34, -88, -1000, -3.4e38, -Infinity])]).toEqual([1, 1, 0, 0, 0, 0, 0])
  const smallest = expOf(Array.from({ length: 4000 }, (_, i) => -87 - i / 4000)).filter((v) => v !== 0)
  expect(Math.min(...smallest)).toBeGreaterThanOrEqual(2 ** -126)
})

it('[NU5] sigmoid saturates at 0 and 1 and keeps NaN', () => {
  const { k } = new KernelRig('relaxed')
  expect([-Infinity, -1000, -89, 89, 1000, Infinity].map((x) => k.sigmoid(x))).toEqual([0, 0, 0, 1, 1, 1])
  expect(k.sigmoid(NaN)).toBeNaN()
})

it('[NU5] a value has the same bits in a vector and in every position of a tail', () => {
  const values = [-0.1, -3.7, -12.25, -50.5, -0.9, -7.125, -33.3]
  const whole = expOf([...values, 0])
  for (let n = 1; n <= values.length; n++) expect(sameBits(expOf(values.slice(0, n)), whole.slice(0, n))).toBe(true)
})
