import fc from 'fast-check'
import { expect, it } from 'vitest'
import { smoothLoad } from './demand.ts'
import type { Demand } from './demand.ts'
import { bytesPerHost } from './base-placement.ts'
import type { Placement } from './placement.ts'
import type { PlanHost } from './plan.ts'
import { plan } from './plan.ts'
import { mayDropAfter, recordTenure } from './tenure.ts'
import type { Tenure } from './tenure.ts'

const LAYERS = 3
const EXPERTS = 6
const BYTES = 10
const BUDGET = 8 * BYTES
const WINDOW_MS = 1000
const STAY_MS = 4000
const MOVES_MAX = 4
const NAMES = ['h0', 'h1', 'h2', 'h3', 'h4']

/** What happens in one window: the load of each expert, and perhaps something to a host. */
const arbWindow = fc.record({
  pairs: fc.array(fc.array(fc.nat(400), { minLength: EXPERTS, maxLength: EXPERTS }), { minLength: LAYERS, maxLength: LAYERS }),
  event: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    {
      weight: 1,
      arbitrary: fc.record({
        host: fc.nat(4),
        state: fc.constantFrom('warm' as const, 'standby' as const, 'lost' as const),
        speed: fc.constantFrom(0.25, 1, 2),
      }),
    },
  ),
})

it('[PL9] hosts join, leave and change speed while loads move: epochs only grow, every expert stays served or named, copies stay their time', () => {
  fc.assert(
    fc.property(fc.array(arbWindow, { minLength: 1, maxLength: 25 }), (windows) => {
      const table = Array.from({ length: LAYERS }, () => Array.from({ length: EXPERTS }, (_, expert) => expert % 3))
      let current: Placement = { epoch: 1, hosts: NAMES.slice(0, 3), base: table, layers: table.map((experts) => experts.map((host) => [host])) }
      let hosts: PlanHost[] = NAMES.map((host, i) => ({ host, isolateId: `i${i}`, budgetBytes: BUDGET, speed: 1, state: i < 3 ? 'warm' : 'standby' }))
      let demand: Demand | null = null
      let tenure: Tenure = {}
      for (const [window, { pairs, event }] of windows.entries()) {
        if (event !== null) hosts = hosts.map((host, i) => (i === event.host ? { ...host, state: event.state, speed: event.speed } : host))
        demand = smoothLoad(demand, { load: pairs, steps: 10 }, { smoothingWindows: 3, windowMs: WINDOW_MS, stayMs: STAY_MS })
        const nowMs = window * WINDOW_MS
        const mayDrop = mayDropAfter(tenure, current, nowMs, STAY_MS)
        const { target, moves, unplaced } = plan(demand.load, hosts, current, {
          deviation: demand.deviation,
          expertBytes: table.map((experts) => experts.map(() => BYTES)),
          cost: { callMs: 0.04, rttMs: 0.5, pairsPerMs: 10 },
          movesMax: MOVES_MAX,
          moveBytesMax: 1e9,
          copiesMax: 4,
          gainMin: 0.01,
          mayDrop,
        })
        expect(target.epoch - current.epoch).toBe(target === current ? 0 : 1)
        expect(target.hosts.slice(0, current.hosts.length)).toEqual(current.hosts)
        const isLive = (index: number): boolean => hosts.find(({ host }) => host === target.hosts[index])!.state !== 'lost'
        expect(target.layers.flat().filter((replicas) => !replicas.every(isLive)).length).toBe(unplaced.length)
        for (const [index, bytes] of bytesPerHost(
          target,
          table.map((experts) => experts.map(() => BYTES)),
        ).entries()) {
          if (isLive(index)) expect(bytes).toBeLessThanOrEqual(BUDGET)
        }
        if (unplaced.length === 0) {
          for (const { kind, layer, expert, host } of moves) if (kind === 'drop') expect(mayDrop(layer, expert, current.hosts.indexOf(host))).toBe(true)
        }
        current = target
        tenure = recordTenure(tenure, current, nowMs)
      }
    }),
    { numRuns: 300 },
  )
})
