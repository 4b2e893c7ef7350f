import fc from 'fast-check'
import { expect, it } from 'vitest'
import { bytesPerHost, planBasePlacement } from './base-placement.ts'
import { expertsOfHost } from './placement.ts'

const ROOMY = 1e15

/** Experts of one model have one size; layers may be dense (no experts). */
const arbModel = fc
  .record({
    layers: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
    experts: fc.integer({ min: 1, max: 20 }),
    bytes: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ layers, experts, bytes }) => layers.map((moe) => (moe ? Array.from({ length: experts }, () => bytes) : [])))

const hostsOf = (count: number, arenaBytes: number) => Array.from({ length: count }, (_, i) => ({ host: `expert-${i}`, arenaBytes }))

it('[PL1] every expert is on exactly one host, whatever the shape', () => {
  fc.assert(
    fc.property(arbModel, fc.integer({ min: 1, max: 9 }), fc.constantFrom('packed' as const, 'spread' as const), (model, count, shape) => {
      const planned = planBasePlacement(model, hostsOf(count, ROOMY), shape, 1)
      if (!planned.ok) throw new Error(planned.error.message)
      expect(planned.value.layers.map((experts) => experts.length)).toEqual(model.map((experts) => experts.length))
      const placed = planned.value.hosts.flatMap((_, host) => expertsOfHost(planned.value, host).map(String))
      expect(new Set(placed).size).toBe(placed.length)
      expect(placed.length).toBe(model.flat().length)
    }),
  )
})

it('[PL3] hosts differ by less than two experts, and packed layers touch neighbours only', () => {
  fc.assert(
    fc.property(arbModel, fc.integer({ min: 1, max: 9 }), (model, count) => {
      const planned = planBasePlacement(model, hostsOf(count, ROOMY), 'packed', 1)
      if (!planned.ok) throw new Error(planned.error.message)
      const bytes = bytesPerHost(planned.value, model)
      expect(Math.max(...bytes) - Math.min(...bytes)).toBeLessThan(2 * (model.flat()[0] ?? 1))
      const order = planned.value.layers.flat(2)
      expect(order).toEqual(order.toSorted((a, b) => a - b)) // a cut of one line: no layer meets more hosts than it must
    }),
  )
})

it('[PL2] refuses a share above a budget, naming host and bytes', () => {
  const model = [[100, 100, 100, 100]]
  expect(planBasePlacement(model, hostsOf(2, 199), 'packed', 1)).toMatchObject({
    ok: false,
    error: { code: 'over-budget', details: { part: 'expert-0', bytes: 200, budgetBytes: 199 } },
  })
  expect(planBasePlacement(model, hostsOf(2, 200), 'packed', 1)).toMatchObject({ ok: true })
})

it('[PL3] the worked example of docs/design/placement.md', () => {
  const model = [
    [1, 1, 1, 1],
    [1, 1, 1, 1],
    [1, 1, 1, 1],
  ]
  const planned = planBasePlacement(model, hostsOf(2, ROOMY), 'packed', 1)
  expect(planned).toMatchObject({
    ok: true,
    value: {
      layers: [
        [[0], [0], [0], [0]],
        [[0], [0], [1], [1]],
        [[1], [1], [1], [1]],
      ],
    },
  })
})
