import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Draft } from './draft.ts'
import type { Placement } from './placement.ts'
import type { Load, Move, Plan, PlanHost, PlanLimits } from './plan.ts'
import { plan } from './plan.ts'
import { groupUnits } from './units.ts'

interface Case {
  readonly load: Load
  readonly hosts: readonly PlanHost[]
  readonly current: Placement
  readonly limits: PlanLimits
}

const NAMES = ['h0', 'h1', 'h2', 'h3', 'h4', 'h5']

/** Anything that an autoscaler may meet: lost, new, slow, small and twin hosts, dense layers, no load, any copies that were left from before. */
const arbCase: fc.Arbitrary<Case> = fc
  .record({
    layers: fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 4 }),
    named: fc.integer({ min: 1, max: 4 }),
    hosts: fc.array(
      fc.record({
        state: fc.constantFrom('warm' as const, 'warm' as const, 'warm' as const, 'standby' as const, 'lost' as const),
        isolateId: fc.constantFrom(null, null, 'i0', 'i1'),
        budgetBytes: fc.integer({ min: 0, max: 400 }),
        speed: fc.constantFrom(1, 1, 0.5, 2),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    noise: fc.infiniteStream(fc.nat(1000)),
    callMs: fc.constantFrom(0, 0.04, 1),
    rttMs: fc.constantFrom(0, 1),
    movesMax: fc.integer({ min: 0, max: 12 }),
    moveBytesMax: fc.integer({ min: 0, max: 300 }),
    copiesMax: fc.integer({ min: 0, max: 8 }),
    gainMin: fc.constantFrom(0, 0.002, 0.02, 0.1),
    deviation: fc.boolean(),
    stay: fc.boolean(),
  })
  .map((c) => {
    const next = (): number => c.noise.next().value!
    const hosts = c.hosts.map((host, i) => ({ ...host, host: NAMES[i]! }))
    const base = c.layers.map((experts) => Array.from({ length: experts }, () => next() % c.named))
    const layers = base.map((experts) => experts.map((host) => [...new Set([host, ...(next() % 3 === 0 ? [next() % c.named] : [])])].sort((a, b) => a - b)))
    const load = base.map((experts) => experts.map(() => (next() % 4 === 0 ? 0 : next() ** 2 / 1000)))
    const expertBytes = base.map((experts) => experts.map(() => 10 + (next() % 20)))
    const kept = new Set(c.stay ? Array.from({ length: 10 }, () => `${next() % 4}/${next() % 7}/${next() % 4}`) : [])
    return {
      load,
      hosts,
      current: { epoch: 7, hosts: NAMES.slice(0, c.named), base, layers },
      limits: {
        expertBytes,
        deviation: c.deviation ? load.map((experts) => experts.map((pairs) => pairs / 3)) : null,
        cost: { callMs: c.callMs, rttMs: c.rttMs, pairsPerMs: 50 },
        movesMax: c.movesMax,
        moveBytesMax: c.moveBytesMax,
        copiesMax: c.copiesMax,
        gainMin: c.gainMin,
        mayDrop: c.stay ? (layer, expert, host) => !kept.has(`${layer}/${expert}/${host}`) : null,
      },
    }
  })

const run = ({ load, hosts, current, limits }: Case): Plan => plan(load, hosts, current, limits)
const each = (check: (c: Case, planned: Plan) => void): void =>
  fc.assert(
    fc.property(arbCase, (c) => check(c, run(c))),
    { numRuns: 1000 },
  )

/** The unit of a host by name: its isolate, or the host itself. Null: not live. */
function unitOf({ hosts }: Case, name: string): string | null {
  const host = hosts.find((h) => h.host === name)
  return host === undefined || host.state === 'lost' ? null : (host.isolateId ?? name)
}

function replicasOf(placement: Placement): Map<string, { layer: number; expert: number; host: string; base: boolean }> {
  const replicas = new Map<string, { layer: number; expert: number; host: string; base: boolean }>()
  for (const [layer, experts] of placement.layers.entries()) {
    for (const [expert, hosts] of experts.entries()) {
      for (const index of hosts) {
        const host = placement.hosts[index]!
        replicas.set(`${layer}/${expert}@${host}`, { layer, expert, host, base: placement.base[layer]![expert] === index })
      }
    }
  }
  return replicas
}

const keyOf = (move: Move): string => `${move.layer}/${move.expert}@${move.host}`
const isUnplaced = (planned: Plan, layer: number, expert: number): boolean => planned.unplaced.some((u) => u.layer === layer && u.expert === expert)
const lostBefore = (c: Case, move: Move): boolean => c.current.layers[move.layer]![move.expert]!.every((host) => unitOf(c, c.current.hosts[host]!) === null)

it('[PL6] every expert has its base replica on a live host, where it was while that lives, or is named as without a place', () => {
  each((c, planned) => {
    const { target, unplaced } = planned
    expect(target.layers.map((experts) => experts.length)).toEqual(c.load.map((experts) => experts.length))
    for (const [layer, experts] of target.layers.entries()) {
      for (const [expert, hosts] of experts.entries()) {
        const base = target.base[layer]![expert]!
        expect(hosts).toContain(base)
        expect(hosts).toEqual(hosts.toSorted((a, b) => a - b))
        const before = c.current.hosts[c.current.base[layer]![expert]!]!
        if (unitOf(c, before) !== null) expect(target.hosts[base]).toBe(before)
        expect(hosts.every((host) => unitOf(c, target.hosts[host]!) !== null)).toBe(!isUnplaced(planned, layer, expert))
      }
    }
    for (const { layer, expert, bytes } of unplaced) expect(bytes).toBe(c.limits.expertBytes[layer]![expert])
  })
})

it('[PL6] a copy takes the place of a lost base at once, without a move', () => {
  const current = { epoch: 1, hosts: ['a', 'b'], base: [[0, 1]], layers: [[[0, 1], [1]]] }
  const hosts = [host('a', { state: 'lost' }), host('b')]
  expect(plan([[5, 5]], hosts, current, limitsOf([[10, 10]]))).toMatchObject({
    moves: [],
    unplaced: [],
    target: { epoch: 2, base: [[1, 1]], layers: [[[1], [1]]] },
  })
})

it('[PL7] no unit gets more than its budget, old and new copies together', () => {
  each((c, { moves }) => {
    const bytes = new Map<string, number>()
    const add = (unit: string, more: number): unknown => bytes.set(unit, (bytes.get(unit) ?? 0) + more)
    for (const { layer, expert, host: name } of replicasOf(c.current).values()) {
      const unit = unitOf(c, name)
      if (unit !== null) add(unit, c.limits.expertBytes[layer]![expert]!)
    }
    for (const move of moves) {
      if (move.kind === 'drop') continue
      const unit = unitOf(c, move.host)!
      add(unit, move.bytes)
      const budgets = c.hosts.filter((h) => h.state !== 'lost' && (h.isolateId ?? h.host) === unit).map((h) => h.budgetBytes)
      expect(bytes.get(unit)).toBeLessThanOrEqual(Math.min(...budgets))
    }
  })
})

it('[PL7] what has no room is reported, copies make way for it, and the next plan places it', () => {
  const current = { epoch: 1, hosts: ['a', 'b', 'c'], base: [[0, 1, 2]], layers: [[[0, 1], [1], [2]]] }
  const hosts = [host('a', { budgetBytes: 20 }), host('b', { budgetBytes: 20 }), host('c', { state: 'lost' })]
  const limits = { ...limitsOf([[10, 10, 20]]), mayDrop: () => false }
  const full = plan([[1, 1, 1]], hosts, current, limits)
  expect(full.unplaced).toEqual([{ layer: 0, expert: 2, bytes: 20 }])
  expect(full.target).toBe(current)
  const ten = { ...limits, expertBytes: [[10, 10, 10]] }
  expect(plan([[1, 1, 1]], hosts, current, ten)).toMatchObject({ unplaced: [], moves: [{ kind: 'load', expert: 2, host: 'a' }] })
  const tight = [host('a', { budgetBytes: 10 }), host('b', { budgetBytes: 20 }), host('c', { state: 'lost' })]
  const cleared = plan([[1, 1, 1]], tight, current, ten)
  expect(cleared).toMatchObject({ unplaced: [{ expert: 2 }], moves: [{ kind: 'drop', expert: 0, host: 'b' }] })
  expect(plan([[1, 1, 1]], tight, cleared.target, ten)).toMatchObject({ unplaced: [], moves: [{ kind: 'load', expert: 2, host: 'b' }] })
})

it('[PL8] an expert is never twice on one host, nor on two hosts of one isolate', () => {
  each((c, planned) => {
    for (const hosts of planned.target.layers.flat()) {
      const units = hosts.map((index) => unitOf(c, planned.target.hosts[index]!)).filter((unit) => unit !== null)
      expect(new Set(units).size).toBe(units.length)
    }
  })
})

it('[PL9] the moves lead from the current placement to the target, whose epoch is one later where it differs', () => {
  each((c, planned) => {
    const held = new Set([...replicasOf(c.current)].filter(([, { host: name }]) => unitOf(c, name) !== null).map(([key]) => key))
    for (const move of planned.moves) {
      expect(held.has(keyOf(move))).toBe(move.kind === 'drop')
      expect(move.bytes).toBe(c.limits.expertBytes[move.layer]![move.expert])
      if (move.kind === 'load') held.add(keyOf(move))
      else held.delete(keyOf(move))
    }
    const target = [...replicasOf(planned.target)].filter(([, { layer, expert }]) => !isUnplaced(planned, layer, expert)).map(([key]) => key)
    expect([...held].sort()).toEqual(target.sort())
    const kinds = planned.moves.map((move) => move.kind)
    expect(kinds).toEqual(kinds.toSorted((a, b) => Number(a === 'drop') - Number(b === 'drop')))
    const { epoch: _, ...now } = planned.target
    const { epoch: __, ...before } = c.current
    if (planned.target !== c.current) {
      expect(planned.target.epoch).toBe(c.current.epoch + 1)
      expect(now).not.toEqual(before)
    } else expect(planned.moves).toEqual([])
  })
})

it('[PL10] same input, same plan', () => {
  each((c, planned) => {
    const { mayDrop, ...limits } = c.limits
    const copy = structuredClone({ load: c.load, hosts: c.hosts, current: c.current, limits })
    expect(run({ ...copy, limits: { ...copy.limits, mayDrop } })).toEqual(planned)
  })
})

it('[PL11] loads keep the bounds of a plan, lost experts apart; copies stay their time, unless bytes are short or a replica is twice', () => {
  each((c, { moves, unplaced }) => {
    const loads = moves.filter((move) => move.kind === 'load' && !lostBefore(c, move))
    expect(loads.length).toBeLessThanOrEqual(c.limits.movesMax)
    expect(loads.reduce((sum, move) => sum + move.bytes, 0)).toBeLessThanOrEqual(c.limits.moveBytesMax)
    const ample = c.hosts.every((h) => h.budgetBytes >= 300 && h.isolateId === null) && unplaced.length === 0
    for (const move of ample ? moves : []) {
      const index = c.current.hosts.indexOf(move.host)
      if (move.kind === 'drop' && c.limits.mayDrop !== null) expect(c.limits.mayDrop(move.layer, move.expert, index)).toBe(true)
    }
  })
})

it('[PL11] a layer gets no more copies than it may have', () => {
  each((c, { target }) => {
    for (const [layer, experts] of target.layers.entries()) {
      const before = c.current.layers[layer]!.flat().length - experts.length
      expect(experts.flat().length - experts.length).toBeLessThanOrEqual(Math.max(c.limits.copiesMax, before))
    }
  })
})

it('[PL12] plans of one load come to an end', () => {
  fc.assert(
    fc.property(arbCase, (c) => {
      let { current } = c
      for (let i = 0; i < 60; i++) {
        const { target } = run({ ...c, current })
        if (target === current) return
        current = target
      }
      throw new Error('still moving after 60 plans')
    }),
    { numRuns: 500 },
  )
})

it('[PL12] without load all copies go', () => {
  each((c) => {
    const { target, unplaced } = run({ ...c, load: c.load.map((experts) => experts.map(() => 0)), limits: { ...c.limits, mayDrop: null, deviation: null } })
    if (unplaced.length === 0) expect(target.layers.flat().every((hosts) => hosts.length === 1)).toBe(true)
  })
})

it.each([NaN, Infinity, 1e308])('[PL6] a load of %d ends, too, with every base in its place', (pairs) => {
  const current = { epoch: 1, hosts: ['a', 'b', 'c'], base: [[0, 1, 2]], layers: [[[0, 1], [0, 1], [2]]] }
  const { target } = plan([[pairs, pairs, 1]], [host('a'), host('b'), host('c')], current, limitsOf([[10, 10, 10]], { deviation: [[pairs, pairs, 1]] }))
  expect(target.base).toEqual(current.base)
})

it('[PL9] a table of more replicas than a call takes arguments', () => {
  const hosts = Array.from({ length: 64 }, (_, i) => host(`h${i}`, { state: i === 0 ? 'lost' : 'warm' }))
  const base = [Array.from({ length: 4096 }, () => 0)]
  const current = { epoch: 1, hosts: hosts.map((h) => h.host), base, layers: base.map((experts) => experts.map(() => [...hosts.keys()])) }
  const draft = new Draft(current, groupUnits(current, hosts), base)
  expect(draft.finish(current)).toMatchObject({ epoch: 2, hosts: current.hosts })
})

function host(name: string, change: Partial<PlanHost> = {}): PlanHost {
  return { host: name, isolateId: null, budgetBytes: 1000, speed: 1, state: 'warm', ...change }
}

function limitsOf(expertBytes: number[][], change: Partial<PlanLimits> = {}): PlanLimits {
  const cost = { callMs: 0, rttMs: 0, pairsPerMs: 1 }
  return { expertBytes, deviation: null, cost, movesMax: 8, moveBytesMax: 1e9, copiesMax: 8, gainMin: 0.02, mayDrop: null, ...change }
}
