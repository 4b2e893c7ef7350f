import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesPerHost } from '../../shared/placement/base-placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { PlanHost } from '../../shared/placement/plan.ts'
import { planByHand } from './manual-plan.ts'

const hosts = (...states: readonly PlanHost['state'][]): PlanHost[] =>
  states.map((state, i) => ({ host: `expert-0${i}`, isolateId: `isolate-${i}`, budgetBytes: 400, speed: 1, state }))
const expertBytes = [
  [100, 100],
  [100, 100],
]
const placement: Placement = {
  epoch: 3,
  hosts: ['expert-00', 'expert-01', 'expert-02', 'expert-03'],
  base: [
    [0, 0],
    [1, 1],
  ],
  layers: [
    [[0], [0, 2]],
    [[1], [1]],
  ],
}
const all = hosts('warm', 'warm', 'warm', 'standby')
const plan = (wanted: Parameters<typeof planByHand>[0], among = all) => planByHand(wanted, placement, among, expertBytes)

describe('a plan by hand', () => {
  it('[EL14] puts copies where most bytes are free, on warm hosts before cold ones, and keeps those that are there', () => {
    expect(plan([{ layer: 0, expert: 0, replicas: 2 }])).toMatchObject({
      ok: true,
      value: {
        target: {
          epoch: 4,
          layers: [
            [
              [0, 2],
              [0, 2],
            ],
            [[1], [1]],
          ],
        },
      },
    })
    expect(plan([{ layer: 0, expert: 1, replicas: 4 }])).toMatchObject({ ok: true, value: { moves: [{ host: 'expert-01' }, { host: 'expert-03' }] } })
    expect(plan([{ layer: 0, expert: 1, replicas: 1 }])).toMatchObject({ ok: true, value: { moves: [{ kind: 'drop', host: 'expert-02', bytes: 100 }] } })
  })

  it('[EL14] named hosts are exactly those beside the base', () => {
    const moved = plan([{ layer: 0, expert: 1, hosts: ['expert-03', 'expert-00'] }])
    expect(moved).toMatchObject({
      ok: true,
      value: {
        moves: [
          { kind: 'load', host: 'expert-03' },
          { kind: 'drop', host: 'expert-02' },
        ],
      },
    })
  })

  it.each([
    [[{ layer: 2, expert: 0, replicas: 1 }], 'experts[0]'],
    [[{ layer: 0, expert: 2, replicas: 1 }], 'experts[0]'],
    [[{ layer: 0, expert: 0 }], 'experts[0]'],
    [[{ layer: 0, expert: 0, replicas: 0 }], 'experts[0].replicas'],
    [[{ layer: 0, expert: 0, hosts: ['expert-09'] }], 'experts[0].hosts'],
    [[{ layer: 0, expert: 0, hosts: ['expert-01'], replicas: 3 }], 'experts[0].replicas'],
    [
      [
        { layer: 0, expert: 0, replicas: 1 },
        { layer: 0, expert: 0, replicas: 2 },
      ],
      'experts[1]',
    ],
  ])('[EL14] refuses %j', (wanted, param) => {
    expect(plan(wanted)).toMatchObject({ ok: false, error: { code: 'invalid-request', details: { param } } })
  })

  it('[EL14] refuses what has no room: too few hosts, a full one, a lost one, one isolate twice', () => {
    expect(plan([{ layer: 0, expert: 0, replicas: 5 }])).toMatchObject({ ok: false, error: { code: 'over-budget' } })
    const full = all.map((host, i) => (i === 3 ? { ...host, budgetBytes: 50 } : host))
    expect(plan([{ layer: 0, expert: 0, hosts: ['expert-03'] }], full)).toMatchObject({
      ok: false,
      error: { code: 'over-budget', details: { part: 'expert-03' } },
    })
    expect(plan([{ layer: 0, expert: 0, hosts: ['expert-03'] }], hosts('warm', 'warm', 'warm', 'lost'))).toMatchObject({ ok: false })
    const twins = all.map((host, i) => (i === 3 ? { ...host, isolateId: 'isolate-0' } : host))
    expect(plan([{ layer: 0, expert: 0, hosts: ['expert-03'] }], twins)).toMatchObject({ ok: false })
    expect(plan([{ layer: 0, expert: 0, replicas: 4 }], twins)).toMatchObject({ ok: false, error: { code: 'over-budget' } })
  })

  it('[EL14] whatever is asked for: base replicas stay, no host twice, no budget is passed', () => {
    const arbWanted = fc.array(fc.record({ layer: fc.nat(1), expert: fc.nat(1), replicas: fc.integer({ min: 1, max: 4 }) }), { maxLength: 4 })
    fc.assert(
      fc.property(arbWanted, fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 4, maxLength: 4 }), (wanted, budgets) => {
        const among = all.map((host, i) => ({ ...host, budgetBytes: Math.max(budgets[i]!, [200, 200, 100, 0][i]!) }))
        const planned = plan(wanted, among)
        if (!planned.ok) return
        const { target } = planned.value
        expect(target.base).toEqual(placement.base)
        for (const [l, experts] of target.layers.entries()) {
          for (const [e, replicas] of experts.entries()) {
            expect(new Set(replicas).size).toBe(replicas.length)
            expect(replicas).toContain(target.base[l]![e])
          }
        }
        expect(bytesPerHost(target, expertBytes).every((bytes, i) => bytes <= among[i]!.budgetBytes)).toBe(true)
      }),
    )
  })
})
