import { expect, it } from 'vitest'
import { World } from '../../test/fixtures/autoscaler-world.ts'
import { plan } from '../../shared/placement/plan.ts'

const WINDOW_MS = 2000
/** Pairs of 100 steps: experts 0 and 1 of layer 0 are hot, then those of layer 1. */
const early = [
  [3000, 3000, 10, 10],
  [800, 800, 800, 800],
]
const late = [early[1]!, early[0]!]
/** What engines see of hosts that compute 1 pair a ms and are 1 ms away. */
const traffic = [4, 16, 40].map((pairs, i) => ({ host: `expert-0${i}`, calls: 100, pairs: 100 * pairs, rttSumMs: 100 * (1 + pairs) }))

async function windows(world: World, count: number, load: number[][]): Promise<void> {
  for (let i = 0; i < count; i++) {
    await world.report(load, traffic)
    await world.run(WINDOW_MS)
  }
}

const copiesOf = (world: World, layer: number) => world.table().layers[layer]!.map((replicas) => replicas.length - 1)

it('[EL13] with the real planner: copies follow the heat, and what a host computes is fitted', async () => {
  const world = new World({ planner: plan, base: 2, standby: 1 })
  await world.join()
  await windows(world, 10, early)
  expect(
    copiesOf(world, 0)
      .slice(0, 2)
      .every((count) => count > 0),
  ).toBe(true)
  expect(copiesOf(world, 0).slice(2)).toEqual([0, 0])
  const state = await world.core.state()
  expect(state.ok && state.value.step).toMatchObject({ measuredMs: 5, predictedMs: expect.any(Number) })
  await windows(world, 40, late)
  expect(
    copiesOf(world, 1)
      .slice(0, 2)
      .every((count) => count > 0),
  ).toBe(true)
  expect(copiesOf(world, 1).slice(2)).toEqual([0, 0])
  expect(world.discrepancies()).toEqual([])
  expect(world.store.events(0).filter((event) => event.error !== null)).toEqual([])
})

it('[EL9] [EL13] with the real planner: when the traffic ends, the copies go after their stay and the alarm with them', async () => {
  const world = new World({ planner: plan, base: 2, standby: 1 })
  const stayMs = 30_000
  await world.core.setPolicy({ stayMs, smoothingWindows: 4 })
  await world.join()
  await windows(world, 10, early)
  expect(Math.max(...copiesOf(world, 0))).toBeGreaterThan(0)
  const lastReportMs = world.nowMs - WINDOW_MS
  await world.run(120_000)
  expect([copiesOf(world, 0), copiesOf(world, 1)].flat()).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  const gone = world.store.events(0).at(-1)!
  expect(gone.phases[0]!.startMs - lastReportMs).toBeLessThanOrEqual(stayMs + 2 * WINDOW_MS)
  expect(world.discrepancies()).toEqual([])
  expect(world.alarmMs).toBeNull()
})

it('[EL12] with the real planner: a lost host is replaced at once', async () => {
  const world = new World({ planner: plan, base: 3, standby: 1 })
  await world.join()
  await windows(world, 4, early)
  world.host(1).up = false
  await world.report(early, [{ host: 'expert-01', faults: { 'host-unavailable': 1 } }])
  await world.run(1000)
  expect(world.table().layers.flat(2)).not.toContain(1)
  world.host(1).up = true // with all that it held
  await windows(world, 8, early)
  expect(world.discrepancies()).toEqual([])
})
