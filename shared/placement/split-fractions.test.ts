import fc from 'fast-check'
import { expect, it } from 'vitest'
import bounds from '../../test/fixtures/placement/lp_bound.json' with { type: 'json' }
import eplb from '../../test/fixtures/placement/eplb.json' with { type: 'json' }
import { arbReplicatedLayer } from '../../test/fixtures/replicated-layer.ts'
import { lpBound, lpBoundBySubsets } from './lp-bound.ts'
import { splitFractions } from './split-fractions.ts'

const arbSpeeds = fc.array(fc.double({ min: 0.25, max: 4, noNaN: true }), { minLength: 8, maxLength: 8 })

it('[SP1] the busiest host of the split has the least possible, whatever the speeds', () => {
  fc.assert(
    fc.property(arbReplicatedLayer, arbSpeeds, fc.boolean(), ({ hosts, replicas, counts }, speeds, equal) => {
      const speed = equal ? undefined : speeds.slice(0, hosts)
      const { shares, hostLoads, max } = splitFractions(counts, replicas, hosts, speed)
      const bound = lpBoundBySubsets(counts, replicas, hosts, speed)
      expect(max).toBeCloseTo(bound, 8)
      expect(Math.max(...hostLoads.map((w, host) => w / (speed?.[host] ?? 1)))).toBe(max)
      for (const [expert, held] of shares.entries()) {
        expect(Math.min(...held)).toBeGreaterThanOrEqual(0)
        expect(held.reduce((sum, share) => sum + share, 0)).toBeCloseTo(counts[expert]!, 8)
      }
    }),
    { numRuns: 1000 },
  )
})

it('[SP1] load passes along a chain of hosts, which water-filling levels only slowly', () => {
  // Expert i is on hosts i and i + 1. The first 20 live on 21 hosts, and no other set of hosts is tighter.
  const replicas = Array.from({ length: 39 }, (_, i) => [i, i + 1])
  const load = replicas.map((_, i) => (i < 20 ? 100 : 1))
  expect(splitFractions(load, replicas, 40).max).toBeCloseTo(2000 / 21, 9)
})

it.each(bounds.cases.map(({ name, layers }) => ({ name, layers })))('[SP1] the LP optimum of $name', ({ name, layers }) => {
  const { num_gpus: hosts, num_replicas: slots, weights, physical_to_logical: plans } = eplb.cases.find((c) => c.name === name)!
  for (const { layer, eplb_lp: optimum } of layers) {
    const held = weights[layer]!.map((): Set<number> => new Set())
    plans[layer]!.forEach((expert, slot) => held[expert]!.add(Math.floor(slot / (slots / hosts))))
    const replicas = held.map((set) => [...set])
    expect(splitFractions(weights[layer]!, replicas, hosts).max / optimum).toBeCloseTo(1, 6)
    expect(lpBound(weights[layer]!, replicas, hosts) / optimum).toBeCloseTo(1, 6)
  }
})
