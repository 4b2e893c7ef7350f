import { describe, expect, it } from 'vitest'
import { World } from '../../test/fixtures/autoscaler-world.ts'
import { thresholdPlanner } from '../../test/fixtures/threshold-planner.ts'

const COLD = [
  [100, 100, 100, 100],
  [100, 100, 100, 100],
]
/** A step has 100 reports' worth of steps: expert 1 of layer 0 gets 50 pairs a step. */
const HOT_LOAD = [
  [100, 5000, 100, 100],
  [100, 100, 100, 100],
]
const WINDOW_MS = 2000

async function warmWorld(): Promise<World> {
  const world = new World({ planner: thresholdPlanner })
  await world.join()
  return world
}

async function windows(world: World, count: number, load = COLD): Promise<void> {
  for (let i = 0; i < count; i++) {
    await world.report(load)
    await world.run(WINDOW_MS)
  }
}

describe('scale up and down', () => {
  it('[EL5] copies a hot expert to a standby in seven phases, in order, with their bytes', async () => {
    const world = await warmWorld()
    await windows(world, 3, HOT_LOAD)
    const [base, event] = world.store.events(0)
    expect(world.faults).toEqual([])
    expect(base).toMatchObject({ id: 1, reason: 'base', toEpoch: 1 })
    expect(event).toMatchObject({ id: 2, reason: 'load', fromEpoch: 1, toEpoch: 2, state: 'done', error: null })
    expect(event!.phases.map(({ phase, bytes }) => [phase, bytes])).toEqual([
      ['plan', 0],
      ['wake', 0],
      ['copy', 1000],
      ['probe', 0],
      ['publish', 0],
      ['drain', 0],
      ['drop', 0],
    ])
    expect(event!.phases.every(({ startMs, endMs }) => endMs !== null && endMs >= startMs)).toBe(true)
    expect(world.table().layers[0]![1]).toEqual([0, 2])
    expect(world.engine.placement).toEqual(world.table())
    expect(Array.from(world.host(2).resident)).toEqual(['0,1'])
  })

  it('[EL13] a copy stays its time, goes when it is cold, and its host is called no more', async () => {
    const world = await warmWorld()
    await windows(world, 3, HOT_LOAD)
    await windows(world, 10)
    expect(world.table().layers[0]![1]).toEqual([0, 2]) // 20 s of 30
    await windows(world, 6)
    expect(world.table().layers[0]![1]).toEqual([0])
    expect(world.discrepancies()).toEqual([])
    const state = await world.core.state()
    expect(state.ok && state.value.hosts.map((host) => host.state)).toEqual(['warm', 'warm', 'standby'])
    const calls = world.host(2).calls.length
    await windows(world, 20)
    expect(world.host(2).calls.length).toBe(calls)
  })

  it('[EL9] without traffic the copies go after their stay, and then there is no alarm', async () => {
    const world = await warmWorld()
    await windows(world, 3, HOT_LOAD)
    await world.run(60_000)
    expect(world.faults).toEqual([])
    expect(world.table().layers[0]![1]).toEqual([0])
    expect(world.discrepancies()).toEqual([])
    expect(world.alarmMs).toBeNull()
    expect(world.engine.joined).toBe(false) // its control was given back: holding it would keep it awake
    await windows(world, 1)
    expect(world.engine.joined).toBe(true)
    expect(world.alarmMs).not.toBeNull()
  })
})
