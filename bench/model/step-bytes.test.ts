import { expect, it } from 'vitest'
import { activeWeights, FULL_SHAPE, specOf } from '../synthetic/shape.ts'
import { stepBytes } from './step-bytes.ts'

it('a step reads every active weight once, at the bits of its tensor', () => {
  const { hidden, layers, experts, headDim, context } = FULL_SHAPE
  const routers = layers * hidden * experts
  const norms = layers * (2 * hidden + 2 * headDim) + hidden
  const f32 = 4 * (routers + norms)
  const quantized = activeWeights(FULL_SHAPE) - routers
  const spec = specOf(FULL_SHAPE)
  expect(stepBytes(spec, 'q4', 'q4', 0)).toBe((quantized * 4.5) / 8 + f32)
  expect(stepBytes(spec, 'q8', 'q8', 0)).toBe((quantized * 8.5) / 8 + f32)
  expect(stepBytes(spec, 'q4', 'q4', context)).toBeGreaterThan(stepBytes(spec, 'q4', 'q4', 0))
})
