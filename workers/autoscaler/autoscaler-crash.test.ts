import fc from 'fast-check'
import { expect, it } from 'vitest'
import { World } from '../../test/fixtures/autoscaler-world.ts'
import type { Crash } from '../../test/fixtures/autoscaler-world.ts'
import { nodeSqlite } from '../../test/contract/node-sqlite.ts'
import { memoryStore } from './memory-store.ts'
import { sqlStore } from './sql-store.ts'
import { thresholdPlanner } from '../../test/fixtures/threshold-planner.ts'

const WINDOW_MS = 2000
const loadWith = (...hot: readonly (readonly [number, number])[]) =>
  [0, 1].map((layer) => [0, 1, 2, 3].map((e) => (hot.some(([l, x]) => l === layer && x === e) ? 5000 : 100)))

/** What must be the same however often the autoscaler died. */
interface Outcome {
  readonly places: string
  readonly discrepancies: readonly string[]
  readonly unfinished: readonly number[]
}

/**
 * Traffic that heats two experts, then another one, then a lost host, then nothing. Between the parts enough windows pass for one death and the event after it.
 * The world itself checks at every adoption that an epoch names one table.
 */
async function live(crash: Crash | null, second: Crash | null = null, store = memoryStore()): Promise<{ outcomes: Outcome[]; world: World }> {
  const world = new World({ planner: thresholdPlanner, store, base: 3, standby: 1 })
  await world.join()
  const outcomes: Outcome[] = []
  const start = world.awaits // the join is the engine's
  world.crash = crash && { ...crash, at: start + crash.at }
  const windows = async (count: number, load: number[][]) => {
    for (let i = 0; i < count; i++) {
      await world.report(load)
      await world.run(WINDOW_MS)
      if (world.instances > 1) await world.wakeZombies()
      if (world.instances === 2 && second && world.crash !== second) world.crash = { ...second, at: world.awaits + second.at }
      if (world.instances === 2) second = null
    }
    outcomes.push(outcome(world))
  }
  await windows(6, loadWith([0, 1], [1, 2]))
  world.host(3).reset('isolate-3b')
  await world.report(loadWith([0, 1], [1, 2]), [{ host: 'expert-03', faults: { 'not-resident': 1 } }])
  await windows(6, loadWith([0, 1], [1, 2]))
  world.host(1).up = false
  await world.report(loadWith([0, 1]), [{ host: 'expert-01', faults: { 'host-unavailable': 1 } }])
  await windows(24, loadWith([0, 1]))
  world.host(1).up = true
  await windows(10, loadWith([0, 1]))
  await world.run(120_000)
  await world.wakeZombies()
  outcomes.push(outcome(world))
  return { outcomes, world }
}

function outcome(world: World): Outcome {
  const { base, layers } = world.table()
  return {
    places: JSON.stringify([base, layers]),
    discrepancies: world.discrepancies(),
    unfinished: world.store.events(0).flatMap(({ id, state }) => (state === 'running' ? [id] : [])),
  }
}

function expectSound(world: World): void {
  expect(world.faults.filter((fault) => !fault.includes('could not be called'))).toEqual([])
  const events = world.store.events(0)
  expect(events.map(({ id }) => id)).toEqual(events.map((_, i) => i + 1)) // none lost
  const epochs = events.filter(({ toEpoch, fromEpoch }) => toEpoch > fromEpoch).map(({ toEpoch }) => toEpoch)
  expect(epochs).toEqual(epochs.map((_, i) => i + 1)) // each one higher than the last
  expect(epochs.at(-1)).toBe(world.table().epoch)
  const drained = events.filter(({ phases }) => phases.some(({ phase }) => phase === 'drain')).map(({ toEpoch }) => toEpoch)
  expect(drained).toEqual(epochs.slice(1)) // whatever was published was drained before anything was dropped
  expect(world.alarmMs).toBeNull()
  expect(world.zombieActs).toEqual([])
}

it('[EL11] the story without a death: copies come, a reset host is filled again, a lost host is replaced, and the end is the base', async () => {
  const { outcomes, world } = await live(null)
  expectSound(world)
  for (const { discrepancies, unfinished } of outcomes) expect([discrepancies, unfinished]).toEqual([[], []])
  expect(world.store.events(0).map(({ reason }) => reason)).toContain('lost-host')
  expect(
    world
      .table()
      .layers.flat()
      .every((replicas) => replicas.length === 1),
  ).toBe(true)
})

it.each(['before', 'after', 'zombie'] as const)(
  '[EL10] [EL11] a death at any await (%s its call) changes no outcome, loses no event and tears no epoch',
  async (how) => {
    const told = await live(null)
    const awaits = told.world.awaits
    expect(awaits).toBeGreaterThan(40)
    for (let at = 1; at <= awaits; at++) {
      const { outcomes, world } = await live({ at, how })
      expectSound(world)
      expect({ at, outcomes }).toEqual({ at, outcomes: told.outcomes })
    }
  },
)

it('[EL11] nor on SQLite', async () => {
  const told = await live(null)
  for (let at = 1; at <= told.world.awaits; at += 5) {
    const { outcomes, world } = await live({ at, how: 'after' }, null, sqlStore(nodeSqlite()))
    expectSound(world)
    expect({ at, outcomes }).toEqual({ at, outcomes: told.outcomes })
  }
})

it('[EL11] nor do two deaths', async () => {
  const told = await live(null)
  const arbCrash = (atMax: number) => fc.record({ at: fc.integer({ min: 1, max: atMax }), how: fc.constantFrom('before' as const, 'after' as const) })
  await fc.assert(
    fc.asyncProperty(arbCrash(told.world.awaits), arbCrash(12), async (first, second) => {
      const { outcomes, world } = await live(first, second)
      expectSound(world)
      expect(outcomes).toEqual(told.outcomes)
    }),
    { numRuns: 40 },
  )
})
