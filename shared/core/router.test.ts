import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RouterSpec } from './model-spec.ts'
import { createRouter } from './router.ts'

const SOFTMAX: RouterSpec = { experts: 4, topK: 2, score: 'softmax', order: 'score-then-topk', normalize: true, scale: 1, selectionBias: false, groups: null }

function route(
  spec: RouterSpec,
  logits: readonly number[],
  bias: readonly number[] | null = null,
  router = createRouter(spec),
): { ids: number[]; weights: number[] } {
  const ids = new Int32Array(spec.topK)
  const weights = new Float32Array(spec.topK)
  router(Float32Array.from(logits), 0, bias && Float32Array.from(bias), ids, weights, 0)
  return { ids: [...ids], weights: [...weights] }
}

/** Combine weights are f32: equal to 1e-6. */
function expectRouting(got: { ids: number[]; weights: number[] }, ids: readonly number[], weights: readonly number[]): void {
  expect(got.ids).toEqual(ids)
  weights.forEach((weight, at) => expect(got.weights[at]).toBeCloseTo(weight, 6))
}

/** The routing of DeepSeek-V3 (modeling code of the release) and its kin as a definition: sort everything, spare nothing. */
function routeByDefinition(spec: RouterSpec, logits: readonly number[], bias: readonly number[] | null): { ids: number[]; weights: number[] } {
  const f32 = logits.map(Math.fround)
  const everyone = f32.map((_, e) => e)
  const early = spec.order === 'score-then-topk'
  const scores = early ? scoreOf(spec, f32, everyone) : f32
  const selection = scores.map((score, e) => score + (bias ? Math.fround(bias[e]!) : 0))
  const best = (candidates: number[], value: (e: number) => number, count: number) =>
    [...candidates].sort((a, b) => value(b) - value(a) || a - b).slice(0, count)
  let open = everyone
  if (spec.groups) {
    const { count, keep, best: bestOfGroup } = spec.groups
    const size = spec.experts / count
    const members = (g: number) => everyone.filter((e) => Math.floor(e / size) === g)
    const groupScore = (g: number) => best(members(g), (e) => selection[e]!, bestOfGroup).reduce((sum, e) => sum + selection[e]!, 0)
    const kept = best([...Array(count).keys()], groupScore, keep)
    open = everyone.filter((e) => kept.includes(Math.floor(e / size)))
  }
  const ids = best(open, (e) => selection[e]!, spec.topK).sort((a, b) => a - b)
  const weights = early ? ids.map((e) => scores[e]!) : ids.map((e) => scoreOf(spec, f32, ids)[e]!)
  const sum = spec.normalize ? weights.reduce((a, b) => a + b) + 1e-20 : 1
  return { ids, weights: weights.map((w) => (w / sum) * spec.scale) }
}

/** Scores of all experts, a softmax over `members` only. */
function scoreOf(spec: RouterSpec, logits: readonly number[], members: readonly number[]): number[] {
  if (spec.score === 'sigmoid') return logits.map((logit) => 1 / (1 + Math.exp(-logit)))
  const max = Math.max(...members.map((e) => logits[e]!))
  const sum = members.reduce((total, e) => total + Math.exp(logits[e]! - max), 0)
  return logits.map((logit) => Math.exp(logit - max) / sum)
}

describe('createRouter', () => {
  const logits = [1, 2, 3, 4].map(Math.log) // softmax: 0.1, 0.2, 0.3, 0.4

  it('[NU1] softmax, then top-k, normalised: mixtral', () => {
    expectRouting(route(SOFTMAX, logits), [2, 3], [3 / 7, 4 / 7])
  })

  it('[NU1] softmax, then top-k, as it is: olmoe', () => {
    expectRouting(route({ ...SOFTMAX, normalize: false }, logits), [2, 3], [0.3, 0.4])
  })

  it('[NU1] top-k, then softmax: granite', () => {
    expectRouting(route({ ...SOFTMAX, order: 'topk-then-score', normalize: false }, logits), [2, 3], [3 / 7, 4 / 7])
  })

  it('[NU1] sigmoid with a selection bias: the bias chooses, the score weighs', () => {
    const spec: RouterSpec = { ...SOFTMAX, score: 'sigmoid', selectionBias: true, normalize: false, scale: 2 }
    expectRouting(route(spec, [0, 0, 1, 2], [0.9, 0, 0, 0]), [0, 3], [1, 2 / (1 + Math.exp(-2))])
  })

  it('[NU1] groups: only experts of the kept groups are chosen, by the sum of a group’s best', () => {
    const spec: RouterSpec = { ...SOFTMAX, experts: 6, score: 'sigmoid', normalize: false, groups: { count: 3, keep: 1, best: 2 } }
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
    expectRouting(route(spec, [9, -9, 2, 2, 1, 1]), [2, 3], [sigmoid(2), sigmoid(2)])
  })

  it('[NU7] ties go to the lower id, and ids come ascending', () => {
    expect(route(SOFTMAX, [1, 1, 1, 1]).ids).toEqual([0, 1])
    expect(route(SOFTMAX, [0, 5, 0, 9]).ids).toEqual([1, 3])
    expect(route({ ...SOFTMAX, groups: { count: 2, keep: 1, best: 1 } }, [1, 1, 1, 1]).ids).toEqual([0, 1])
  })

  it('[NU7] agrees with the definition for every option, ties included', () => {
    const arbCase = fc
      .record({
        groupSize: fc.integer({ min: 1, max: 4 }),
        groupCount: fc.integer({ min: 1, max: 4 }),
        keep: fc.integer({ min: 1, max: 4 }),
        best: fc.integer({ min: 1, max: 4 }),
        grouped: fc.boolean(),
        topK: fc.integer({ min: 1, max: 16 }),
        score: fc.constantFrom('softmax', 'sigmoid'),
        order: fc.constantFrom('score-then-topk', 'topk-then-score'),
        normalize: fc.boolean(),
        scale: fc.constantFrom(1, 2.5),
        selectionBias: fc.boolean(),
      })
      .map((c): RouterSpec => {
        const experts = c.groupSize * c.groupCount
        const groups = c.grouped ? { count: c.groupCount, keep: Math.min(c.keep, c.groupCount), best: Math.min(c.best, c.groupSize) } : null
        const open = groups ? groups.keep * c.groupSize : experts
        const { score, order, normalize, scale, selectionBias } = c
        return { experts, topK: Math.min(c.topK, open), score, order, normalize, scale, selectionBias, groups } as RouterSpec
      })
    const values = fc.array(fc.integer({ min: -12, max: 12 }), { minLength: 32, maxLength: 32 }).map((list) => list.map((n) => n / 4))
    fc.assert(
      fc.property(arbCase, values, (spec, list) => {
        const bias = spec.selectionBias ? list.slice(0, spec.experts) : null
        const router = createRouter(spec)
        for (const token of [list.slice(0, spec.experts), list.slice(-spec.experts)]) {
          const want = routeByDefinition(spec, token, bias)
          expectRouting(route(spec, token, bias, router), want.ids, want.weights) // the second token finds the scratch of the first
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('[NU1] reads and writes at the given places only', () => {
    const router = createRouter(SOFTMAX)
    const many = Float32Array.from([7, 7, 7, 5, 1, 0, 0, ...logits])
    const ids = new Int32Array(6).fill(-1)
    const weights = new Float32Array(6).fill(-1)
    router(many, 3, null, ids, weights, 2)
    router(many, 7, null, ids, weights, 4)
    expect([...ids]).toEqual([-1, -1, 0, 1, 2, 3])
    expect([...weights.subarray(0, 2)]).toEqual([-1, -1])
  })

  it('[NU1] throws on a logit that is not finite', () => {
    expect(() => route(SOFTMAX, [0, Number.NaN, 0, 0])).toThrow('expert 1 is NaN')
    expect(() => route(SOFTMAX, [0, 0, Infinity, 0])).toThrow('expert 2 is Infinity')
  })
})
