import fc from 'fast-check'
import { expect, it } from 'vitest'
import { padCols, xRecordsBytes } from '../../shared/core/layout.ts'
import { KernelRig } from './kernel-rig.ts'
import { quantize } from './linear.ts'
import { swiglu } from './swiglu.ts'
import type { SwigluWeights } from './swiglu.ts'

const TOKENS_MAX = 5
const WIDTH_MAX = 100

const arbWidth = fc.integer({ min: 1, max: WIDTH_MAX })

function valuesOf(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed))
}

function weightsOf(rig: KernelRig, encoding: 'q8' | 'q4' | 'f32-matrix', hidden: number, width: number): SwigluWeights {
  return {
    gate: rig.putMatrix(valuesOf(width * hidden, 1), width, hidden, encoding),
    up: rig.putMatrix(valuesOf(width * hidden, 2), width, hidden, encoding),
    down: rig.putMatrix(valuesOf(hidden * width, 3), hidden, width, encoding),
    width,
  }
}

it('[NU9] blocks of different widths share scratch without touching each other, whatever was in it before', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('q8' as const, 'q4' as const, 'f32-matrix' as const),
      arbWidth,
      arbWidth,
      arbWidth,
      fc.integer({ min: 1, max: TOKENS_MAX }),
      (encoding, hidden, width, other, tokens) => {
        const rig = new KernelRig('relaxed')
        const stride = padCols(hidden) * 4
        const x = {
          f32: rig.putRows(valuesOf(tokens * hidden, 4), tokens, padCols(hidden), padCols(hidden)),
          f32Stride: stride,
          q8: rig.alloc((TOKENS_MAX * xRecordsBytes(WIDTH_MAX)) / 4),
          q8Stride: xRecordsBytes(hidden),
        }
        quantize(rig.k, encoding !== 'f32-matrix', x, hidden, tokens)
        const scratch = {
          gate: rig.alloc(TOKENS_MAX * padCols(WIDTH_MAX)),
          up: rig.alloc(TOKENS_MAX * padCols(WIDTH_MAX)),
          inner: rig.alloc((TOKENS_MAX * xRecordsBytes(WIDTH_MAX)) / 4),
        }
        const out = rig.alloc(TOKENS_MAX * padCols(WIDTH_MAX))
        const wanted = weightsOf(rig, encoding, hidden, width)
        const run = () => {
          swiglu(rig.k, wanted, x, scratch, out, stride, tokens)
          return Array.from({ length: tokens }, (_, t) => [...rig.arena.f32(out + t * stride, hidden)])
        }
        const first = run() // scratch is NaN all over
        expect(first.flat().every(Number.isFinite)).toBe(true)
        swiglu(rig.k, weightsOf(rig, encoding, hidden, other), x, scratch, rig.alloc(TOKENS_MAX * padCols(WIDTH_MAX)), stride, tokens)
        expect(run()).toEqual(first)
      },
    ),
    { numRuns: 60 },
  )
})
