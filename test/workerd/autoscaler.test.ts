import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import type { Placement } from '../../shared/placement/placement.ts'
import type { EngineReport, ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { NO_REQUEST_WORK } from '../../shared/protocol/request-work.ts'
import { buildTinyPack } from '../fixtures/tiny-pack.ts'
import { KERNEL_MODULES } from '../../workers/kernel-modules.ts'
import { adopted, fakeHosts } from './fake-host.ts'

beforeAll(async () => {
  for (const [name, bytes] of await buildTinyPack(KERNEL_MODULES)) await env.BUCKET.put(`models/tiny/test/${name}`, bytes)
})

beforeEach(() => {
  object++
  adopted.length = 0
  for (const host of fakeHosts) host.resident.clear()
})

/** Each test has an object of its own. A stub breaks with the first exception, so every call has its own. */
let object = 0
const autoscaler = () => env.AUTOSCALER.getByName(`autoscaler-${object}`)
const joinEngine = () => env.FAKE_ENGINE.getByName('engine').join(`autoscaler-${object}`)

async function placement(): Promise<Placement> {
  return (await state()).placement as Placement
}

async function state() {
  const answer = await autoscaler().state()
  if (!answer.ok) throw new Error(answer.error.message)
  return answer.value
}

const report = (number: number): EngineReport => ({
  engine: 'engine-0',
  isolateId: 'engine-isolate',
  number,
  epoch: 1,
  oldestEpoch: 1,
  windowMs: 2000,
  steps: 10,
  load: [
    [10, 10, 10, 10],
    [10, 10, 10, 10],
  ],
  stepSumMs: 50,
  steady: { steps: 10, stepSumMs: 50, expertsSumMs: 30 },
  running: 1,
  waiting: 0,
  kvPagesUsed: 0,
  kvPagesTotal: 64,
  requests: NO_REQUEST_WORK,
  hosts: [{ host: 'expert-00', calls: 10, pairs: 80, rttSumMs: 20, rttMaxMs: 3, first: { calls: 0, pairs: 0, rttSumMs: 0 }, hedged: 0, faults: {} }],
})

const alarmAt = () => runInDurableObject(autoscaler(), (_, { storage }) => storage.getAlarm())
const COPY = { layer: 0, expert: 1, hosts: ['expert-02'] }

/** Alarms go off until nothing is under way; each is one that the object itself has armed. */
async function untilDone(): Promise<readonly ScaleEvent[]> {
  for (let turns = 0; turns < 50; turns++) {
    const { events } = await state()
    if (events.every((event) => event.state !== 'running')) return events as readonly ScaleEvent[]
    await runDurableObjectAlarm(autoscaler())
  }
  throw new Error('an event never ended')
}

it('[PL5] plans once and keeps the table across evictions', async () => {
  const first = await placement()
  expect(first).toMatchObject({ epoch: 1, hosts: ['expert-00', 'expert-01', 'expert-02'] })
  expect(first.layers).toEqual([
    [[0], [0], [0], [0]],
    [[1], [1], [1], [1]],
  ])
  await evictDurableObject(autoscaler())
  expect(await placement()).toEqual(first)
})

it('[PL5] [EL7] what was planned from something else is planned anew, one epoch later', async () => {
  await placement()
  await runInDurableObject(autoscaler(), (_, { storage }) => {
    storage.sql.exec("UPDATE documents SET json = json_set(json, '$.inputs', 'another pack') WHERE name = 'table'")
  })
  expect((await placement()).epoch).toBe(2)
  expect((await state()).events.map(({ reason, toEpoch }) => [reason, toEpoch])).toEqual([
    ['base', 1],
    ['base', 2],
  ])
})

it('[EL5] [EL7] a plan by hand goes through to hosts and engine over RPC, and the engine adopts it', async () => {
  expect(await joinEngine()).toBe(1)
  const answer = await autoscaler().scale({ dryRun: false, experts: [COPY] })
  expect(answer).toMatchObject({ ok: true, value: { event: { reason: 'manual', state: 'running' } } })
  const events = await untilDone()
  expect(events.at(-1)).toMatchObject({ state: 'done', error: null, toEpoch: 2 })
  expect(events.at(-1)!.phases.map(({ phase }) => phase)).toEqual(['plan', 'wake', 'copy', 'probe', 'publish', 'drain', 'drop'])
  expect(adopted.map(({ epoch }) => epoch)).toEqual([2])
  expect(Array.from(fakeHosts[2]!.resident)).toEqual(['0,1'])
})

it('[EL1] [EL9] a report arms the alarm, and counts once', async () => {
  await joinEngine()
  const leaseEnds = await alarmAt()
  expect(await autoscaler().report(report(1))).toMatchObject({ ok: true, value: { rejoin: false, placement: null } })
  expect(await alarmAt()).toBeLessThan(leaseEnds!)
  await autoscaler().report(report(1))
  const counted = () =>
    runInDurableObject(
      autoscaler(),
      (_, { storage }) => storage.sql.exec("SELECT json ->> '$.steps' AS steps FROM documents WHERE name = 'window'").one()['steps'],
    )
  expect(await counted()).toBe(10)
  await runInDurableObject(autoscaler(), async (_, { storage }) => storage.deleteAlarm())
})

it('[EL9] the alarm arms itself anew while there is traffic', async () => {
  await autoscaler().setPolicy({ enabled: false }) // no copy, whose drain would wait for an engine that never answers
  await autoscaler().report(report(1))
  expect(await runDurableObjectAlarm(autoscaler())).toBe(true)
  expect(await alarmAt()).not.toBeNull()
  await runInDurableObject(autoscaler(), async (_, { storage }) => storage.deleteAlarm())
})

it('[EL11] an object that is evicted in the middle of an event goes on from the stored phase', async () => {
  await placement()
  await runInDurableObject(autoscaler(), (_, { storage }) => {
    // As a reset between publish and drain leaves it: the event is in the store, and nobody drives it.
    const table = JSON.parse(storage.sql.exec("SELECT json FROM documents WHERE name = 'table'").one()['json'] as string) as { placement: Placement }
    const target = {
      ...table.placement,
      epoch: 2,
      layers: table.placement.layers.map((experts, l) => experts.map((r, e) => (l === 0 && e === 1 ? [0, 2] : r))),
    }
    const event = {
      id: 2,
      reason: 'manual',
      fromEpoch: 1,
      toEpoch: 2,
      moves: [{ kind: 'load', layer: 0, expert: 1, host: 'expert-02', bytes: 1000 }],
      phases: [{ phase: 'copy', startMs: Date.now(), endMs: null, bytes: 0 }],
      state: 'running',
      error: null,
    }
    const running = { event, target, abandoned: [], published: false, attempts: 1 }
    storage.sql.exec("INSERT INTO documents VALUES ('running', ?)", JSON.stringify(running))
    storage.sql.exec('INSERT INTO events VALUES (2, ?)', JSON.stringify(event))
  })
  await evictDurableObject(autoscaler())
  await runInDurableObject(autoscaler(), async (_, { storage }) => storage.setAlarm(Date.now() + 60_000))
  const events = await untilDone()
  expect(events.at(-1)).toMatchObject({ id: 2, state: 'done', error: null })
  expect((await placement()).layers[0]![1]).toEqual([0, 2])
  expect(Array.from(fakeHosts[2]!.resident)).toEqual(['0,1'])
})

it('[EL14] events stream out of the object, and the listener may leave', async () => {
  await placement()
  const stream = await autoscaler().events(0)
  const reader = stream.getReader()
  const { value } = await reader.read()
  expect(JSON.parse(new TextDecoder().decode(value)) as ScaleEvent).toMatchObject({ id: 1, reason: 'base' })
  await reader.cancel()
})
