import fc from 'fast-check'
import { expect, it } from 'vitest'
import { arbReplicatedLayer } from '../../test/fixtures/replicated-layer.ts'
import type { ReplicatedLayer } from '../../test/fixtures/replicated-layer.ts'
import { createSplitter, splitTable } from './splitter.ts'

/** Shares [experts][replicas] and pairs [hosts]. The scratch is dirty from another layer, as an engine's is. */
function splitOnce({ hosts, replicas, counts }: ReplicatedLayer, callPairs: number) {
  const split = createSplitter(hosts, () => callPairs)
  split(splitTable([[0], replicas.flat().slice(0, 1), [...Array(hosts).keys()]], hosts), Uint32Array.of(3, 5, 1000), new Uint32Array(2 + hosts))
  const table = splitTable(replicas, hosts)
  const shares = new Uint32Array(table.hostOf.length).fill(77)
  split(table, Uint32Array.from(counts), shares)
  const pairs = Array.from({ length: hosts }, () => 0)
  shares.forEach((share, slot) => (pairs[table.hostOf[slot]!]! += share))
  return { shares: replicas.map((_, expert) => [...shares.subarray(table.first[expert], table.first[expert + 1])]), pairs }
}

/** The least possible maximum in whole pairs, from the definition: experts that live only inside a set of hosts must be computed there. */
function leastMaximum({ hosts, replicas, counts }: ReplicatedLayer): number {
  let least = 0
  for (let set = 1; set < 1 << hosts; set++) {
    const size = [...Array(hosts).keys()].filter((host) => set & (1 << host)).length
    const inside = counts.reduce((sum, count, expert) => sum + (replicas[expert]!.every((host) => set & (1 << host)) ? count : 0), 0)
    least = Math.max(least, Math.ceil(inside / size))
  }
  return least
}

it('[SP2] the shares of an expert add up to its count, whatever a call costs', () => {
  fc.assert(
    fc.property(arbReplicatedLayer, fc.integer({ min: 0, max: 50 }), (layer, callPairs) => {
      const { shares } = splitOnce(layer, callPairs)
      expect(shares.map((held) => held.reduce((sum, share) => sum + share, 0))).toEqual(layer.counts)
    }),
  )
})

it('[SP3] where a call costs nothing, no split has a lower maximum', () => {
  fc.assert(
    fc.property(arbReplicatedLayer, (layer) => {
      expect(Math.max(...splitOnce(layer, 0).pairs)).toBe(leastMaximum(layer))
    }),
    { numRuns: 500 },
  )
})

it('[SP3] pairs pass along a chain of hosts', () => {
  // Poured in order: 4 4 2 1 pairs. Host 0 shares no expert with hosts 2 and 3, so host 1 must pass on what it takes.
  const replicas = [
    [2, 3],
    [1, 2],
    [0, 1],
  ]
  expect(Math.max(...splitOnce({ hosts: 4, replicas, counts: [2, 4, 5] }, 0).pairs)).toBe(3)
})

it('[SP3] the more a call costs, the fewer hosts are called for nothing', () => {
  const replicas = [
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 2],
  ]
  const oneToken = { hosts: 4, replicas, counts: [1, 1, 1, 0] }
  expect(splitOnce(oneToken, 8).pairs).toEqual([3, 0, 0, 0])
  expect(splitOnce({ ...oneToken, counts: [1, 0, 0, 1] }, 8).pairs).toEqual([0, 2, 0, 0]) // the one host that serves both
  expect(splitOnce({ ...oneToken, counts: [20, 0, 0, 0] }, 8).pairs).toEqual([14, 6, 0, 0]) // 14 = 8 + 6: the call is part of what host 1 does
  expect(splitOnce({ ...oneToken, counts: [20, 0, 0, 0] }, 0).pairs).toEqual([10, 10, 0, 0])
})

it('[SP3] a host is called without need only where it finishes, its call included, no later than the busiest', () => {
  fc.assert(
    fc.property(arbReplicatedLayer, fc.integer({ min: 1, max: 200 }), (layer, callPairs) => {
      const dear = splitOnce(layer, 1 << 28) // nobody is called without need
      const { pairs } = splitOnce(layer, callPairs)
      const busiest = Math.max(...dear.pairs)
      expect(Math.max(...pairs)).toBeLessThanOrEqual(busiest)
      for (const [host, count] of pairs.entries()) if (count > 0 && dear.pairs[host] === 0) expect(count + callPairs).toBeLessThanOrEqual(busiest)
    }),
  )
})

it('[SP2] a layer without replicas keeps its counts', () => {
  const split = createSplitter(3, () => 5)
  const shares = new Uint32Array(4)
  split(splitTable([[2], [0], [2], [1]], 3), Uint32Array.of(7, 0, 1, 9), shares)
  expect([...shares]).toEqual([7, 0, 1, 9])
})
