import { expect, it } from 'vitest'
import { World } from '../../test/fixtures/autoscaler-world.ts'
import { thresholdPlanner } from '../../test/fixtures/threshold-planner.ts'

const WINDOW_MS = 2000
const COLD = [
  [100, 100, 100, 100],
  [100, 100, 100, 100],
]

async function windows(world: World, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await world.report(COLD)
    await world.run(WINDOW_MS)
  }
}

/** A world whose first and last host have a copy each, beside the base replicas of two hosts. */
async function worldWithCopies(): Promise<World> {
  const world = new World({ planner: thresholdPlanner })
  await world.core.setPolicy({ enabled: false })
  await world.join()
  const experts = [
    { layer: 1, expert: 0, hosts: ['expert-00'] },
    { layer: 0, expert: 1, hosts: ['expert-02'] },
  ]
  await world.core.scale({ dryRun: false, experts })
  await world.run(1000)
  expect([Array.from(world.host(0).resident), Array.from(world.host(2).resident)]).toEqual([['1,0'], ['0,1']])
  return world
}

it('[EL9] [EL12] another deployment: hosts give back what the old table gave them, and one that is gone keeps no alarm', async () => {
  const old = await worldWithCopies()
  await old.report(COLD, [{ host: 'expert-02', faults: { 'host-unavailable': 1 } }]) // suspect, and then it is not deployed any more
  const world = new World({ planner: thresholdPlanner, store: old.store, standby: 0 })
  for (const index of [0, 1]) world.hosts.set(`expert-0${index}`, old.host(index))
  world.restart()
  Object.assign(world.engine, old.engine, { joined: true, drains: false }) // it has a step on the old table
  await windows(world, 2)
  expect(world.table()).toMatchObject({ epoch: 3, hosts: ['expert-00', 'expert-01'] })
  expect(world.discrepancies()).toEqual(['expert-00 holds 1,0'])
  world.engine.oldestEpoch = 3
  await windows(world, 2)
  expect(world.discrepancies()).toEqual([])
  await world.run(120_000)
  expect(world.alarmMs).toBeNull()
})

it('[EL12] a store that was lost: every host is asked what it holds, a cold one too', async () => {
  const old = await worldWithCopies()
  const world = new World({ planner: thresholdPlanner })
  for (const index of [0, 1, 2]) world.hosts.set(`expert-0${index}`, old.host(index))
  Object.assign(world.engine, { epoch: 7, oldestEpoch: 7 })
  await windows(world, 3)
  expect(world.table()).toMatchObject({ epoch: 8 })
  expect(world.discrepancies()).toEqual([])
})
