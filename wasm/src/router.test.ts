import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KernelRig, onEveryBuild, randomFloats, sameBits } from './kernel-rig.ts'

interface Case {
  readonly logits: readonly number[]
  readonly bias: readonly number[] | null
  readonly k: number
  readonly score: 0 | 1
  readonly order: 0 | 1
  readonly normalize: 0 | 1
  readonly scale: number
}

/** Logits from a few values, so that ties are common. */
const arbCase: fc.Arbitrary<Case> = fc.integer({ min: 1, max: 70 }).chain((experts) => {
  const values = fc.array(fc.integer({ min: -12, max: 12 }), { minLength: experts, maxLength: experts }).map((a) => a.map((v) => v / 4))
  return fc.record({
    logits: values,
    bias: fc.option(values),
    k: fc.integer({ min: 1, max: Math.min(8, experts) }),
    score: fc.constantFrom(0, 1),
    order: fc.constantFrom(0, 1),
    normalize: fc.constantFrom(0, 1),
    scale: fc.constantFrom(1, 2.5),
  })
})

it('[NU7] router_topk chooses the k best, ties to the lower id, and weighs them, by ascending id', () => {
  fc.assert(
    fc.property(arbCase, (c) => {
      const got = onEveryBuild((rig) => route(rig, c))
      const want = reference(c)
      expect(Array.from(got.slice(0, c.k))).toEqual(want.ids)
      want.weights.forEach((w, i) => expect(Math.abs(got[c.k + i]! - w)).toBeLessThanOrEqual(1e-6 * w))
    }),
    { numRuns: 300 },
  )
})

it('[NU7] −0 and +0 tie, and −infinity loses', () => {
  const base = { bias: null, k: 2, score: 0, order: 1, normalize: 0, scale: 1 } as const
  expect(Array.from(route(new KernelRig('relaxed'), { ...base, logits: [-0, -1, 0, -1] }).slice(0, 2))).toEqual([0, 2])
  expect(Array.from(route(new KernelRig('relaxed'), { ...base, k: 1, logits: [-0, 0] }).slice(0, 1))).toEqual([0])
  expect(route(new KernelRig('relaxed'), { ...base, k: 1, logits: [-0, 0], bias: [-0, 0] })[0]).toBe(0)
  expect(Array.from(route(new KernelRig('relaxed'), { ...base, logits: [-Infinity, -5, -Infinity, -6] }).slice(0, 2))).toEqual([1, 3])
})

it('[NU7] whatever the logits are, router_topk gives k different experts of the layer', () => {
  for (const score of [0, 1] as const) {
    for (const order of [0, 1] as const) {
      for (const logits of [Array.from({ length: 9 }, () => NaN), [NaN, 1, NaN, 2, NaN], [Infinity, -Infinity, NaN, Infinity]]) {
        const ids = Array.from(route(new KernelRig('relaxed'), { logits, bias: null, k: 4, score, order, normalize: 1, scale: 1 }).slice(0, 4))
        expect(new Set(ids).size).toBe(4)
        expect(ids).toEqual(ids.toSorted((a, b) => a - b))
        expect(ids.every((id) => id >= 0 && id < logits.length)).toBe(true)
      }
    }
  }
})

it('[NU7] numbers are chosen before NaN, and scores that are all zero give zero weights, not NaN', () => {
  const rig = new KernelRig('relaxed')
  expect(Array.from(route(rig, { logits: [NaN, 1, NaN, 2], bias: null, k: 2, score: 1, order: 0, normalize: 1, scale: 1 }).slice(0, 2))).toEqual([1, 3])
  expect([...route(rig, { logits: [-500, -400, -300], bias: null, k: 2, score: 1, order: 0, normalize: 1, scale: 1 })]).toEqual([0, 1, 0, 0])
})

it('[NU5] softmax_row is within 1e-6 of the exact one of its f32 differences and touches nothing beyond n', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 100 }), (seed, n) => {
      const x = randomFloats(seed, n, 10)
      const got = onEveryBuild((rig) => {
        const row = rig.put(x)
        rig.k.softmax_row(row, n)
        expect(rig.take(row + 4 * n, 3).every(Number.isNaN)).toBe(true)
        return rig.take(row, n)
      })
      const max = Math.max(...x)
      const exact = x.map((v) => v - max).map(Math.exp)
      const sum = exact.reduce((s, v) => s + v, 0)
      got.forEach((v, i) => expect(Math.abs(v - exact[i]! / sum)).toBeLessThanOrEqual((1e-6 * exact[i]!) / sum + 1.2e-38)) // below e^−87.33, exp is 0
    }),
  )
})

it('[NU4] exp_row returns the sum of what it writes, in four lanes and then over them', () => {
  const x = randomFloats(3, 37, 5)
  const result = onEveryBuild((rig) => {
    const row = rig.put(x)
    return Float32Array.of(rig.k.exp_row(row, 37), ...rig.take(row, 37))
  })
  const partial = new Float32Array(4)
  result.slice(1).forEach((v, i) => (partial[i % 4] = partial[i % 4]! + v))
  expect(result[0]).toBe(Math.fround(Math.fround(partial[0]! + partial[2]!) + Math.fround(partial[1]! + partial[3]!)))
})

it('[NU7] argmax is the first of the largest, for any length, and never a NaN or what follows', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(NaN, -0, -Infinity)), { minLength: 1, maxLength: 40 }), (values) => {
      const got = onEveryBuild((rig) => {
        const row = rig.put(Float32Array.of(...values, 1e30))
        return Float32Array.of(rig.k.argmax(row, values.length))
      })
      const largest = Math.max(...values) // NaN when one is
      expect(got[0]).toBe(values.findIndex((v) => v === largest))
    }),
    { numRuns: 300 },
  )
})

it('[NU2] the same logits route alike wherever they lie', () => {
  const c: Case = { logits: [...randomFloats(5, 33)], bias: null, k: 6, score: 0, order: 0, normalize: 1, scale: 1 }
  const rig = new KernelRig('relaxed')
  const first = route(rig, c)
  rig.alloc(20)
  expect(sameBits(route(rig, c), first)).toBe(true)
})

it('[NU2] tokens of one call route as each alone', () => {
  fc.assert(
    fc.property(arbCase, fc.integer({ min: 1, max: 5 }), (c, tokens) => {
      const experts = c.logits.length
      const rows = Array.from({ length: tokens }, (_, t) => Float32Array.from(c.logits, (_logit, e) => c.logits[(e + t) % experts]!))
      const together = onEveryBuild((rig) => {
        const stride = (experts + 3) * 4
        const logits = rig.putRows(Float32Array.of(...rows.flatMap((row) => [...row])), tokens, experts, experts + 3)
        const bias = c.bias ? rig.put(Float32Array.from(c.bias)) : 0
        const [ids, weights, scratch] = [rig.alloc(tokens * c.k), rig.alloc(tokens * c.k), rig.alloc(2 * experts)]
        rig.k.router_topk(logits, bias, experts, c.k, c.score, c.order, c.normalize, c.scale, ids, weights, scratch, tokens, stride)
        return Float32Array.of(...rig.arena.i32(ids, tokens * c.k), ...rig.take(weights, tokens * c.k))
      })
      const alone = rows.map((logits) => route(new KernelRig('relaxed'), { ...c, logits: [...logits] }))
      const want = alone.map((r) => [...r.subarray(0, c.k)]).concat(alone.map((r) => [...r.subarray(c.k)]))
      expect(sameBits(together, Float32Array.from(want.flat()))).toBe(true)
    }),
    { numRuns: 40 },
  )
})

/** ids [k] as numbers, then weights [k]. */
function route(rig: KernelRig, { logits, bias, k, score, order, normalize, scale }: Case): Float32Array {
  const ids = rig.arena.alloc(4 * k + 16, 'ids')
  const weights = rig.alloc(k + 4)
  const scratch = rig.arena.alloc(8 * logits.length, 'scratch')
  const guard = rig.arena.alloc(16, 'guard')
  const input = Float32Array.from(logits)
  const at = rig.put(input)
  rig.k.router_topk(at, bias ? rig.put(Float32Array.from(bias)) : 0, logits.length, k, score, order, normalize, scale, ids, weights, scratch, 1, 0)
  expect(sameBits(rig.take(at, logits.length), input)).toBe(true)
  expect([...rig.take(ids + 4 * k, 4), ...rig.take(weights + 4 * k, 4), ...rig.take(guard, 4)].every(Number.isNaN)).toBe(true)
  return Float32Array.of(...rig.arena.i32(ids, k), ...rig.take(weights, k))
}

function reference({ logits, bias, k, score, order, normalize, scale }: Case): { ids: number[]; weights: number[] } {
  const over = (values: readonly number[]) => {
    if (score === 1) return values.map((v) => 1 / (1 + Math.exp(-v)))
    const sum = values.reduce((s, v) => s + Math.exp(v), 0)
    return values.map((v) => Math.exp(v) / sum)
  }
  const scores = order === 0 ? over(logits) : [...logits]
  const selection = scores.map((s, e) => s + (bias?.[e] ?? 0))
  const best = selection.map((_, e) => e).toSorted((a, b) => Math.fround(selection[b]!) - Math.fround(selection[a]!) || a - b)
  const ids = best.slice(0, k).toSorted((a, b) => a - b)
  const chosen = ids.map((id) => scores[id]!)
  const weights = order === 0 ? chosen : over(chosen)
  const divisor = normalize === 1 ? weights.reduce((s, w) => s + w, 0) : 1
  return { ids, weights: weights.map((w) => (w / divisor) * scale) }
}
