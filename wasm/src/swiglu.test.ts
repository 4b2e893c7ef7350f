import fc from 'fast-check'
import { expect, it } from 'vitest'
import { hiPlaneBytes, loPlaneBytes, padCols, padRows, xRecordsBytes } from '../../shared/core/layout.ts'
import { KernelRig, onEveryBuild, sameBits } from './kernel-rig.ts'
import { linear, quantize } from './linear.ts'
import { swiglu } from './swiglu.ts'
import type { SwigluWeights } from './swiglu.ts'

const TOKENS_MAX = 9
const WIDTH_MAX = 100

const arbWidth = fc.integer({ min: 1, max: WIDTH_MAX })

function valuesOf(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + seed))
}

/** `asSlot`: planes back to back as a host has them; else each matrix by itself, as in the trunk. */
function weightsOf(rig: KernelRig, encoding: 'q8' | 'q4' | 'f32-matrix', hidden: number, width: number, asSlot: boolean): SwigluWeights {
  const apart = {
    gate: rig.putMatrix(valuesOf(width * hidden, 1), width, hidden, encoding),
    up: rig.putMatrix(valuesOf(width * hidden, 2), width, hidden, encoding),
    down: rig.putMatrix(valuesOf(hidden * width, 3), hidden, width, encoding),
    width,
  }
  if (!asSlot || encoding === 'f32-matrix') return apart
  const matrices = [apart.gate, apart.up, apart.down]
  const his = rig.putBytes(joined(matrices.map((m) => rig.arena.u8(m.ptr, hiPlaneBytes(m.rows, m.cols)))))
  const los = encoding === 'q8' ? rig.putBytes(joined(matrices.map((m) => rig.arena.u8(m.lo, loPlaneBytes(m.rows, m.cols))))) : 0
  const [hiBytes, loBytes] = [hiPlaneBytes(apart.gate.rows, apart.gate.cols), loPlaneBytes(apart.gate.rows, apart.gate.cols)]
  const [gate, up, down] = matrices.map((m, i) => ({ ...m, ptr: his + i * hiBytes, lo: los && los + i * loBytes }))
  return { gate: gate!, up: up!, down: down!, width }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
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
          gateUp: rig.alloc(2 * TOKENS_MAX * padCols(WIDTH_MAX)),
          inner: rig.alloc((TOKENS_MAX * xRecordsBytes(WIDTH_MAX)) / 4),
        }
        const out = rig.alloc(TOKENS_MAX * padCols(WIDTH_MAX))
        const wanted = weightsOf(rig, encoding, hidden, width, true)
        const run = () => {
          swiglu(rig.k, wanted, x, scratch, out, stride, tokens)
          return Array.from({ length: tokens }, (_, t) => [...rig.arena.f32(out + t * stride, hidden)])
        }
        const first = run() // scratch is NaN all over
        expect(first.flat().every(Number.isFinite)).toBe(true)
        swiglu(rig.k, weightsOf(rig, encoding, hidden, other, false), x, scratch, rig.alloc(TOKENS_MAX * padCols(WIDTH_MAX)), stride, tokens)
        expect(run()).toEqual(first)
      },
    ),
    { numRuns: 60 },
  )
})

it('[NU3] a block is its matrices, silu_mul and quantize_rows one after another, bit for bit, in every build', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('q8' as const, 'q4' as const, 'f32-matrix' as const),
      arbWidth,
      arbWidth,
      fc.integer({ min: 1, max: TOKENS_MAX }),
      fc.integer({ min: 0, max: 2 }),
      fc.boolean(),
      (encoding, hidden, width, tokens, gap, asSlot) => {
        const stride = (padCols(hidden) + 4 * gap) * 4
        const innerStride = padCols(width) * 4
        const result = (fused: boolean) =>
          onEveryBuild((rig) => {
            const x = {
              f32: rig.putRows(valuesOf(tokens * hidden, 4), tokens, padCols(hidden), stride / 4),
              f32Stride: stride,
              q8: rig.alloc((tokens * xRecordsBytes(hidden)) / 4),
              q8Stride: xRecordsBytes(hidden),
            }
            quantize(rig.k, encoding !== 'f32-matrix', x, hidden, tokens)
            const [gate, up] = [rig.putRows(new Float32Array(tokens), tokens, innerStride / 4, innerStride / 4), rig.alloc((tokens * innerStride) / 4)]
            rig.arena.f32(up, (tokens * innerStride) / 4).fill(0)
            const inner = { f32: gate, f32Stride: innerStride, q8: rig.alloc((tokens * xRecordsBytes(width)) / 4), q8Stride: xRecordsBytes(width) }
            const out = rig.alloc((tokens * stride) / 4)
            const w = weightsOf(rig, encoding, hidden, width, asSlot)
            if (fused) swiglu(rig.k, w, x, { gateUp: rig.alloc((2 * tokens * innerStride) / 4), inner: inner.q8 }, out, stride, tokens)
            else {
              linear(rig.k, w.gate, x, gate, innerStride, tokens)
              linear(rig.k, w.up, x, up, innerStride, tokens)
              rig.k.silu_mul(gate, up, gate, width, tokens, innerStride, innerStride, innerStride)
              quantize(rig.k, encoding !== 'f32-matrix', inner, width, tokens)
              linear(rig.k, w.down, inner, out, stride, tokens)
            }
            return rig.takeRows(out, tokens, padRows(hidden), stride / 4)
          })
        expect(sameBits(result(true), result(false))).toBe(true)
      },
    ),
    { numRuns: 40 },
  )
})

it('[NU9] matrices of different encodings are no block', () => {
  const rig = new KernelRig('plain')
  const w = { ...weightsOf(rig, 'q8', 32, 32, false), down: weightsOf(rig, 'q4', 32, 32, false).down }
  const x = { f32: 0, f32Stride: 0, q8: 0, q8Stride: 0 }
  expect(() => swiglu(rig.k, w, x, { gateUp: 0, inner: 0 }, 0, 0, 1)).toThrow(/different encodings/)
})
