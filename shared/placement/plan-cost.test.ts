import { expect, it } from 'vitest'
import type { CostModel } from './cost-model.ts'
import type { Placement } from './placement.ts'
import type { Load, Plan, PlanHost, PlanLimits } from './plan.ts'
import { plan } from './plan.ts'

const WORK_ONLY: CostModel = { callMs: 0, rttMs: 0, pairsPerMs: 1 }

const host = (name: string, change: Partial<PlanHost> = {}): PlanHost => ({ host: name, isolateId: null, budgetBytes: 60, speed: 1, state: 'warm', ...change })

/** Experts of 10 bytes. */
function limitsOf(load: Load, change: Partial<PlanLimits> = {}): PlanLimits {
  const expertBytes = load.map((experts) => experts.map(() => 10))
  return { expertBytes, deviation: null, cost: WORK_ONLY, movesMax: 8, moveBytesMax: 1e9, copiesMax: 8, gainMin: 0.02, mayDrop: null, ...change }
}

/** Base replicas only. */
function placementOf(hosts: readonly string[], base: readonly (readonly number[])[]): Placement {
  return { epoch: 1, hosts, base, layers: base.map((experts) => experts.map((index) => [index])) }
}

const movesOf = ({ moves }: Plan): string[] => moves.map(({ kind, layer, expert, host: name }) => `${kind} ${layer}/${expert} ${name}`)

it('[PL13] the worked example of docs/design/planner.md', () => {
  const hosts = [host('a'), host('b'), host('c')]
  const base = placementOf(['a', 'b', 'c'], [[0, 0, 1, 1, 2, 2]])
  const hot = [[36, 6, 6, 6, 3, 3]]

  const first = plan(hot, hosts, base, limitsOf(hot))
  expect(movesOf(first)).toEqual(['load 0/0 c', 'load 0/0 b'])
  expect(first.predicted).toEqual({ beforeMs: 42, afterMs: expect.closeTo(20, 1) })
  expect(first.target.layers).toEqual([[[0, 1, 2], [0], [1], [1], [2], [2]]])

  const cool = [[12, 8, 10, 10, 10, 10]]
  const second = plan(cool, hosts, first.target, limitsOf(cool))
  expect(movesOf(second)).toEqual(['drop 0/0 b', 'drop 0/0 c'])
  expect(second.target.layers).toEqual(base.layers)
  expect(plan(cool, hosts, second.target, limitsOf(cool)).moves).toEqual([])
})

it('[PL13] a call that costs more than a copy gains keeps a layer on its host', () => {
  const hosts = [host('a'), host('b')]
  const load = [[8, 8, 8, 8]]
  const base = placementOf(['a', 'b'], [[0, 0, 0, 0]])
  const cheap = plan(load, hosts, base, limitsOf(load, { cost: { callMs: 1, rttMs: 1, pairsPerMs: 1 } }))
  expect(movesOf(cheap)).toEqual(['load 0/0 b', 'load 0/1 b'])
  expect(cheap.predicted.afterMs).toBeCloseTo(1 * 2 + 1 + 16, 1)
  expect(plan(load, hosts, base, limitsOf(load, { cost: { callMs: 20, rttMs: 1, pairsPerMs: 1 } })).moves).toEqual([])
  const alreadyCalled = placementOf(['a', 'b'], [[0, 0, 0, 1]])
  expect(plan([[8, 8, 8, 1]], hosts, alreadyCalled, limitsOf(load, { cost: { callMs: 5, rttMs: 1, pairsPerMs: 1 } })).moves.length).toBeGreaterThan(0)
})

it('[PL13] several hosts at the same level all get relief, though the first copy alone gains nothing', () => {
  const hosts = ['a', 'b', 'c', 'd'].map((name) => host(name))
  const load = [[20, 20, 4, 4]]
  const planned = plan(load, hosts, placementOf(['a', 'b', 'c', 'd'], [[0, 1, 2, 3]]), limitsOf(load))
  expect(movesOf(planned)).toEqual(['load 0/0 c', 'load 0/1 d'])
  expect(planned.predicted.afterMs).toBeCloseTo(12, 1)
})

it('[PL13] a host of half the speed gets half the work, and relief first', () => {
  const hosts = [host('a', { speed: 0.5 }), host('b')]
  const load = [[15, 15]]
  const planned = plan(load, hosts, placementOf(['a', 'b'], [[0, 1]]), limitsOf(load))
  expect(movesOf(planned)).toEqual(['load 0/0 b'])
  expect(planned.predicted).toEqual({ beforeMs: 30, afterMs: expect.closeTo(20, 1) })
})

it('[PL13] a standby is woken for bytes, or for a gain beyond what the warm hosts give, and used before another is', () => {
  const base = placementOf(['a', 'b', 's', 't'], [[0, 0, 1, 1]])
  const hosts = [host('a'), host('b'), host('s', { state: 'standby' }), host('t', { state: 'standby' })]
  const mild = [[10, 6, 3, 1]] // 16 on a: 10 with a copy on b, 8 with one on s
  const at = (gainMin: number, among: readonly PlanHost[]): string[] => movesOf(plan(mild, among, base, limitsOf(mild, { gainMin, copiesMax: 1 })))
  expect(at(0.4, hosts)).toEqual([])
  expect(at(0.25, hosts)).toEqual(['load 0/0 b'])
  expect(at(0.15, hosts)).toEqual(['load 0/0 s'])
  const full = hosts.map((each) => (each.state === 'warm' ? { ...each, budgetBytes: 20 } : each))
  expect(at(0.25, full)).toEqual(['load 0/0 s'])

  const twice = [mild[0]!, mild[0]!]
  const fuller = full.map((each) => (each.state === 'warm' ? { ...each, budgetBytes: 40 } : each))
  const both = plan(twice, fuller, placementOf(base.hosts, [base.base[0]!, base.base[0]!]), limitsOf(twice, { gainMin: 0.25, copiesMax: 1 }))
  expect(movesOf(both)).toEqual(['load 0/0 s', 'load 1/0 s'])
})

it("[PL6] a lost host's layers go whole to one warm host each, then to a standby", () => {
  const current = placementOf(
    ['a', 'b', 'c', 's'],
    [
      [0, 0, 0],
      [1, 1, 1],
      [2, 2, 2],
      [2, 2, 2],
    ],
  )
  const hosts = [host('a'), host('b', { budgetBytes: 50 }), host('c', { state: 'lost' }), host('s', { state: 'standby' })]
  const load = current.base.map((experts) => experts.map(() => 1))
  const planned = plan(load, hosts, current, limitsOf(load, { movesMax: 0, moveBytesMax: 0 }))
  expect(planned.target.base).toEqual([
    [0, 0, 0],
    [1, 1, 1],
    [0, 0, 0],
    [1, 1, 3],
  ])
  expect(planned.unplaced).toEqual([])
  expect(planned.moves.length).toBe(6)
})

it('[PL12] what a copy is worth between half of gainMin and gainMin neither brings it nor takes it', () => {
  const hosts = [host('a'), host('b')]
  const load = [[51, 49.5, 99]] // a copy of either takes 0.75 off 100.5
  const without = placementOf(['a', 'b'], [[0, 0, 1]])
  const with_ = { ...without, layers: [[[0, 1], [0], [1]]] }
  const limits = limitsOf(load, { gainMin: 0.01 })
  expect(plan(load, hosts, without, limits).moves).toEqual([])
  expect(plan(load, hosts, with_, limits).moves).toEqual([])
})

it('[PL10] an uncertain load gets copies that a certain one does not need', () => {
  const hosts = [host('a'), host('b')]
  const load = [[40, 10, 25, 25]]
  const base = placementOf(['a', 'b'], [[0, 0, 1, 1]])
  expect(plan(load, hosts, base, limitsOf(load)).moves).toEqual([])
  expect(movesOf(plan(load, hosts, base, limitsOf(load, { deviation: [[10, 2, 5, 5]], copiesMax: 1 })))).toEqual(['load 0/0 b'])
})
