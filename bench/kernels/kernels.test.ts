import { expect, it } from 'vitest'
import { figuresOf } from './kernels.ts'
import type { Round } from './worker/round.ts'

function round(scale: number): Round {
  const rates = {
    'kernels.read2.out': 36 * scale,
    'kernels.dot_peak': 100,
    'kernels.i16.q4.gemv.out': 48 * scale,
    'kernels.i16.q4.gemv.experts': 32 * scale,
    'kernels.i16.q8.gemv.out': 24 * scale,
    'kernels.i16.q8.gemv.experts': 16 * scale,
    'kernels.i16.q4.gemm8.out': 70,
  }
  return { variant: 'i16', samples: Object.entries(rates).map(([id, rate]) => ({ id, unit: 'GB/s', rate })) }
}

it('ratios are of the variant that runs here, in bytes, and of one round', () => {
  const figures = figuresOf([round(1), round(0.5)])
  const samples = (id: string) => figures.find((figure) => figure.id === id)?.samples
  expect(samples('kernels.q4.gemv_over_read')).toEqual([0.75, 0.75])
  expect(samples('kernels.q4.gemv_experts_over_read')).toEqual([0.5, 0.5])
  expect(samples('kernels.q8.gemv_over_read')![0]).toBeCloseTo(17 / 24)
  expect(samples('kernels.q4.gemm8_over_peak')).toEqual([0.7, 0.7])
  expect(samples('kernels.i16.q4.gemv.out')).toEqual([48, 24])
})

it('a round without a job that a figure needs is refused by name', () => {
  expect(() => figuresOf([round(1), { variant: 'i16', samples: [] }])).toThrow(/kernels.i16.q4.gemv.out/)
})
