import fc from 'fast-check'
import { expect, it } from 'vitest'
import { quantizeActivations } from '../../shared/core/activations.ts'
import { padCols, X_RECORD_BYTES, xRecordsBytes } from '../../shared/core/layout.ts'
import { onEveryBuild, randomFloats, sameBits } from './kernel-rig.ts'

/** Rows of any length, padded to a vector, with a stride that may be larger. */
const arbRows = fc.record({ seed: fc.nat(), n: fc.integer({ min: 1, max: 150 }), count: fc.integer({ min: 1, max: 9 }), gap: fc.integer({ min: 0, max: 2 }) })
const pad4 = (n: number) => Math.ceil(n / 4) * 4

it('[NU3] quantize_rows writes the bytes of quantizeActivations', () => {
  fc.assert(
    fc.property(arbRows, fc.constantFrom(1, 1e-20, 1e-33, 1e30, 0), ({ seed, n, count, gap }, size) => {
      const x = randomFloats(seed, n * count, size)
      const want = new Uint8Array(count * xRecordsBytes(n))
      for (let t = 0; t < count; t++) quantizeActivations(x.subarray(t * n, (t + 1) * n), n, want.subarray(t * xRecordsBytes(n), (t + 1) * xRecordsBytes(n)))
      const got = onEveryBuild((rig) => {
        const stride = padCols(n) + 4 * gap
        const outStride = xRecordsBytes(n) + gap * X_RECORD_BYTES
        const from = rig.putRows(x, count, padCols(n), stride)
        const out = rig.arena.alloc(outStride * count, 'records')
        rig.k.quantize_rows(from, out, padCols(n), count, stride * 4, outStride)
        return rig.takeRows(out, count, xRecordsBytes(n) / 4, outStride / 4)
      })
      expect(sameBits(got, new Float32Array(want.buffer))).toBe(true)
    }),
  )
})

it('[NU3] quantize_rows rounds halves to even and keeps the extremes, as quantizeActivations does', () => {
  const x = new Float32Array(64)
  for (let i = 0; i < 32; i++) x[i] = i - 15.5
  x[31] = 127 // scale 1: every other value is a half
  x.set([-127, 126.5, -126.5, 0.5, -0.5, 1.5, 2.5, -0], 32)
  const want = new Uint8Array(xRecordsBytes(64))
  quantizeActivations(x, 64, want)
  const got = onEveryBuild((rig) => {
    const out = rig.arena.alloc(want.length, 'records')
    rig.k.quantize_rows(rig.put(x), out, 64, 1, 0, 0)
    return rig.take(out, want.length / 4)
  })
  expect(sameBits(got, new Float32Array(want.buffer))).toBe(true)
  expect([...new Int8Array(want.buffer, 0, 3)]).toEqual([-16, -14, -14])
  expect([...new Int8Array(want.buffer, X_RECORD_BYTES, 8)]).toEqual([-127, 126, -126, 0, 0, 2, 2, 0])
})

it('[NU4] rmsnorm has exactly the bits of its documented order, may run in place and keeps the padding zero', () => {
  fc.assert(
    fc.property(arbRows, fc.boolean(), ({ seed, n, count, gap }, inPlace) => {
      const x = randomFloats(seed, n * count)
      const w = randomFloats(seed + 1, n)
      const eps = Math.fround(1e-6)
      const got = onEveryBuild((rig) => {
        const stride = pad4(n) + 4 * gap
        const from = rig.putRows(x, count, pad4(n), stride)
        const to = inPlace ? from : rig.alloc(stride * count)
        rig.k.rmsnorm(from, rig.putVector(w), to, n, eps, count, stride * 4, stride * 4)
        return rig.takeRows(to, count, pad4(n), stride)
      })
      for (let t = 0; t < count; t++) {
        const row = x.subarray(t * n, (t + 1) * n)
        const mean = row.reduce((s, v) => s + v * v, 0) / n
        const r = orderedFactor(row, eps)
        expect(r).toBeCloseTo(1 / Math.sqrt(mean + eps), 4)
        const want = new Float32Array(pad4(n))
        row.forEach((v, i) => (want[i] = Math.fround(v * r) * w[i]!))
        expect(sameBits(got.slice(t * pad4(n), (t + 1) * pad4(n)), want)).toBe(true)
      }
    }),
  )
})

/** 1 / sqrt(mean + eps) with the sum of squares in eight partial sums: columns c % 8, then c and c + 4, then c and c + 2, then both. */
function orderedFactor(row: Float32Array, eps: number): number {
  const partial = new Float32Array(8)
  row.forEach((v, c) => (partial[c % 8] = partial[c % 8]! + Math.fround(v * v)))
  for (const half of [4, 2, 1]) for (let i = 0; i < half; i++) partial[i] = partial[i]! + partial[i + half]!
  return Math.fround(1 / Math.fround(Math.sqrt(Math.fround(Math.fround(partial[0]! / row.length) + eps))))
}

it('[NU3] add_rows, axpy, scale_row and clamp_row round once an operation and touch no other row', () => {
  fc.assert(
    fc.property(arbRows, fc.double({ min: -3, max: 3, noNaN: true }), ({ seed, n, count, gap }, s) => {
      const y = randomFloats(seed, n * count)
      const b = randomFloats(seed + 1, n)
      const factor = Math.fround(s)
      const limit = Math.fround(Math.abs(s) + 0.01)
      const stride = pad4(n) + 4 + 4 * gap
      const got = onEveryBuild((rig) => {
        const rows = rig.putRows(y, count, pad4(n), stride)
        const other = rig.putVector(b)
        rig.k.add_rows(rows, other, n, count, stride * 4)
        rig.k.axpy(rows, other, s, n)
        rig.k.scale_row(rows, s, n)
        rig.k.clamp_row(rows, limit, n)
        expect(rig.take(rows + 4 * pad4(n), 4).every(Number.isNaN)).toBe(true)
        return rig.takeRows(rows, count, pad4(n), stride)
      })
      const want = new Float32Array(pad4(n) * count)
      for (let t = 0; t < count; t++) {
        for (let i = 0; i < n; i++) {
          const biased = Math.fround(y[t * n + i]! + b[i]!)
          const first = Math.fround(Math.fround(biased + Math.fround(factor * b[i]!)) * factor)
          want[t * pad4(n) + i] = t === 0 ? Math.max(-limit, Math.min(limit, first)) : biased
        }
      }
      expect([...got].every((v, i) => v === want[i])).toBe(true) // by value: padding may be −0
    }),
  )
})

it('[NU4] dot_f32 sums four lanes, then the lanes', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 150 }), (seed, n) => {
      const a = randomFloats(seed, n)
      const b = randomFloats(seed + 1, n)
      const got = onEveryBuild((rig) => Float32Array.of(rig.k.dot_f32(rig.putVector(a), rig.putVector(b), n)))
      const partial = new Float32Array(4)
      a.forEach((v, c) => (partial[c % 4] = partial[c % 4]! + Math.fround(v * b[c]!)))
      expect(got[0]).toBe(Math.fround(Math.fround(partial[0]! + partial[2]!) + Math.fround(partial[1]! + partial[3]!)))
    }),
  )
})

it('[NU5] silu_mul is silu(gate) · up within 1e-6, with the bits of sigmoid, in place or not, padding zero', () => {
  fc.assert(
    fc.property(arbRows, fc.constantFrom('out', 'gate', 'up'), ({ seed, n, count, gap }, target) => {
      const gate = randomFloats(seed, n * count, 4)
      const up = randomFloats(seed + 1, n * count)
      const stride = pad4(n) + 4 * gap
      const got = onEveryBuild((rig) => {
        const g = rig.putRows(gate, count, pad4(n), stride)
        const u = rig.putRows(up, count, pad4(n), stride + 4)
        const out = target === 'gate' ? g : target === 'up' ? u : rig.alloc(stride * count)
        const outStride = target === 'up' ? stride + 4 : stride
        rig.k.silu_mul(g, u, out, n, count, stride * 4, (stride + 4) * 4, outStride * 4)
        const rows = rig.takeRows(out, count, pad4(n), outStride)
        gate.forEach((v, i) => {
          const lane = rows[Math.floor(i / n) * pad4(n) + (i % n)]!
          expect(lane).toBe(Math.fround(Math.fround(v * rig.k.sigmoid(v)) * up[i]!))
        })
        return rows
      })
      for (let t = 0; t < count; t++) {
        for (let i = 0; i < pad4(n); i++) {
          const [g, u] = i < n ? [gate[t * n + i]!, up[t * n + i]!] : [0, 0]
          const want = (g / (1 + Math.exp(-g))) * u
          expect(Math.abs(got[t * pad4(n) + i]! - want)).toBeLessThanOrEqual(1e-6 * Math.abs(want))
        }
      }
    }),
    { numRuns: 40 },
  )
})
