import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeSqlite } from '../../test/contract/node-sqlite.ts'
import { EXPERT_BYTES, World } from '../../test/fixtures/autoscaler-world.ts'
import { thresholdPlanner } from '../../test/fixtures/threshold-planner.ts'
import type { EngineReport } from '../../shared/protocol/autoscaler-api.ts'
import type { MetricsSnapshot } from '../../shared/protocol/metrics-api.ts'
import { HISTOGRAM_BOUNDS, NO_REQUEST_WORK } from '../../shared/protocol/request-work.ts'
import type { RequestWork } from '../../shared/protocol/request-work.ts'
import { countUsage } from './host-usage.ts'
import type { HostUsage } from './host-usage.ts'
import { sqlStore } from './sql-store.ts'

const COLD = [0, 1].map(() => [100, 100, 100, 100])
const HOT = [[100, 5000, 100, 100], COLD[1]!]

const workOf = (tokens: number): RequestWork => ({
  ...NO_REQUEST_WORK,
  requests: 1,
  promptTokens: tokens,
  generationTokens: 2 * tokens,
  finished: { stop: 1, length: 0, abort: 2, error: 0 },
  histograms: {
    ...NO_REQUEST_WORK.histograms,
    interTokenLatencyMs: { counts: HISTOGRAM_BOUNDS.interTokenLatencyMs.map(() => 1).concat(tokens), sum: 10 * tokens },
  },
})

async function open(): Promise<World> {
  const world = new World({ planner: thresholdPlanner, store: sqlStore(nodeSqlite()) })
  await world.join()
  return world
}

async function scrape(world: World): Promise<MetricsSnapshot> {
  const answer = await world.core.metrics()
  if (!answer.ok) throw new Error(answer.error.message)
  return answer.value
}

describe('sums over reports', () => {
  it('[MT2] they survive the engine and the autoscaler; a report that comes twice counts once', async () => {
    const world = await open()
    const report = await world.report(COLD, undefined, { requests: workOf(10) })
    await world.core.report(report)
    world.restart()
    await world.core.report(report)
    await world.report(COLD, undefined, { requests: workOf(5), isolateId: 'after a reset', number: 1 })
    await world.report(COLD, [], { running: 3 })
    const { requests, steps, stepSumMs, engines, layers, hosts } = await scrape(world)
    expect(requests).toMatchObject({ requests: 2, promptTokens: 15, generationTokens: 30, finished: { stop: 2, abort: 4 } })
    expect(requests.histograms.interTokenLatencyMs).toEqual({ counts: [...HISTOGRAM_BOUNDS.interTokenLatencyMs.map(() => 2), 15], sum: 150 })
    expect([steps, stepSumMs]).toEqual([300, 1500])
    expect(engines).toEqual([{ engine: 'engine-0', running: 3, waiting: 0, kvPagesUsed: 0, kvPagesTotal: 64 }])
    expect(layers).toEqual([0, 1].map((layer) => ({ layer, pairs: 1200, replicas: 4 })))
    expect(hosts[0]!.served).toEqual({ calls: 200, pairs: 1600, rttSumMs: 400, hedged: 0, faults: {} })
  })

  it('[MT2] no sum ever goes back, whatever is reset and whenever', async () => {
    const arbEvent = fc.constantFrom('report', 'again', 'autoscaler', 'engine', 'host', 'time', 'other-host')
    await fc.assert(
      fc.asyncProperty(fc.array(arbEvent, { maxLength: 24 }), async (events) => {
        const world = await open()
        let last: EngineReport | null = null
        let before = flat(await scrape(world))
        let isolates = 0
        for (const event of events) {
          if (event === 'report')
            last = await world.report(
              HOT,
              [
                { host: 'expert-00', calls: 3, faults: { 'host-unavailable': 1 } },
                { host: 'expert-01', calls: 1 },
              ],
              { requests: workOf(3) },
            )
          else if (event === 'again' && last) await world.core.report(last)
          else if (event === 'autoscaler') world.restart()
          else if (event === 'engine') await world.report(COLD, undefined, { requests: workOf(1), isolateId: `engine ${++isolates}`, number: 1 })
          else if (event === 'host') world.host(0).reset(`isolate ${++isolates}`)
          else if (event === 'other-host') world.host(1).reset(`isolate ${++isolates}`)
          else if (event === 'time') await world.run(2000)
          const now = flat(await scrape(world))
          for (const [name, sum] of before) expect([name, (now.get(name) ?? 0) >= sum]).toEqual([name, true])
          before = now
        }
      }),
      { numRuns: 40 },
    )
  })

  it('[MT1] a report whose counts are not those of this version is refused, and counts nothing', async () => {
    const world = await open()
    const report = await world.report(COLD)
    const { histograms } = NO_REQUEST_WORK
    const wrong: Partial<EngineReport>[] = [
      { requests: undefined as unknown as RequestWork },
      { requests: { ...NO_REQUEST_WORK, promptTokens: -1 } },
      { requests: { ...NO_REQUEST_WORK, finished: { stop: 1 } as RequestWork['finished'] } },
      { requests: { ...NO_REQUEST_WORK, histograms: { ...histograms, decodeTimeMs: { counts: [1], sum: 1 } } } },
      { requests: { ...NO_REQUEST_WORK, histograms: { ...histograms, decodeTimeMs: { ...histograms.decodeTimeMs, sum: Infinity } } } },
      { kvPagesUsed: 0.5 },
      { hosts: [{ ...report.hosts[0]!, faults: { 'not-resident': 0.5 } }] },
    ]
    for (const change of wrong)
      expect(await world.core.report({ ...report, number: 9, ...change })).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
    expect((await scrape(world)).steps).toBe(100)
  })
})

it('[MT2] a code that this version does not know is counted as another; sums of another version begin anew', async () => {
  const world = await open()
  await world.report(COLD, [{ host: 'expert-00', faults: { 'not-resident': 2, 'a newer code': 3, constructor: 1 } }])
  expect((await scrape(world)).hosts[0]!.served.faults).toEqual({ 'not-resident': 2, other: 4 })
  const counters = world.store.read('counters')!
  world.store.write('counters', { ...counters, version: 0 as unknown as 1, requests: {} as RequestWork })
  expect((await scrape(world)).steps).toBe(0)
  await world.report(COLD)
  expect((await scrape(world)).steps).toBe(100)
})

describe("hosts' own counters", () => {
  it('[MT2] they restart with the isolate; ours go on, and what was told late or twice counts once', () => {
    const work = (loads: number) => ({ frames: 0, pairs: 0, loads, drops: 0, storageBytes: 10 * loads, peerBytes: 0 })
    const told = [
      ['a', 5],
      ['a', 8],
      ['a', 7], // overtaken on its way
      ['a', 8],
      ['b', 2],
      ['a', 9], // overtaken by a reset
      ['b', 3],
    ] as const
    const usage = told.reduce<HostUsage | undefined>(
      (before, [isolateId, loads]) =>
        countUsage(
          before,
          { isolateId, kernels: '', residentBytes: 0, arenaBytes: 0, residentExperts: 0, peakBytes: 0, queuedFrames: 0, work: work(loads) },
          0,
        ),
      undefined,
    )
    expect(usage).toMatchObject({ isolates: 2, sums: { loads: 11, storageBytes: 110 } })
  })

  it('[MT3] a scrape asks the hosts that worked since they were heard, once, and nobody else', async () => {
    const world = await open()
    await world.report(COLD, [{ host: 'expert-01', calls: 5 }])
    world.nowMs += 1
    await scrape(world)
    const asked = () => Array.from(world.hosts.values(), ({ calls }) => calls.filter((name) => name === 'inventory').length)
    expect(asked()).toEqual([0, 1, 0])
    world.nowMs += 1
    await scrape(world)
    expect(asked()).toEqual([0, 1, 0])
    await world.report(COLD, [{ host: 'expert-01', calls: 5 }])
    world.nowMs += 61_000 // perhaps it sleeps by now
    await scrape(world)
    expect(asked()).toEqual([0, 1, 0])
  })

  it('[MT3] a host that does not answer holds nothing up but its own numbers, and no plan follows from a scrape', async () => {
    const world = await open()
    await world.report(COLD)
    world.host(0).up = false
    const { hosts } = await scrape(world)
    expect(hosts.map(({ state, work, report }) => [state, work, report])).toEqual([
      ['warm', null, null],
      ['warm', null, null],
      ['standby', null, null],
    ])
  })
})

describe('scale events', () => {
  it('[MT2] each counts once when it is over, with the time and bytes of its phases; hosts say what they read', async () => {
    const world = await open()
    for (let i = 0; i < 3; i++) {
      await world.report(HOT)
      await world.run(2000)
    }
    world.restart()
    const { scale, layers, hosts, epoch } = await scrape(world)
    expect(scale.events).toMatchObject({ base: { done: 1, failed: 0 }, load: { done: 1, failed: 0 } })
    expect(scale.phases).toMatchObject({ plan: { count: 2 }, copy: { count: 1, bytes: EXPERT_BYTES }, drop: { count: 1 } })
    expect(scale.moves).toEqual({ load: 1, drop: 0 })
    expect(layers.map(({ replicas }) => replicas)).toEqual([5, 4])
    expect([hosts[2]!.state, hosts[2]!.work?.storageBytes, epoch]).toEqual(['warm', EXPERT_BYTES, 2])
    expect((await scrape(world)).scale).toEqual(scale)
  })
})

/** Every sum of a snapshot by its path. */
function flat({ requests, steps, stepSumMs, layers, hosts, scale }: MetricsSnapshot): Map<string, number> {
  const sums = new Map<string, number>()
  const add = (path: string, value: unknown): void => {
    if (typeof value === 'number') sums.set(path, value)
    else if (typeof value === 'object' && value !== null) for (const [key, part] of Object.entries(value)) add(`${path}.${key}`, part)
  }
  add('requests', requests)
  add('steps', [steps, stepSumMs])
  add(
    'layers',
    layers.map(({ pairs }) => pairs),
  )
  add(
    'hosts',
    hosts.map(({ served, work, isolates }) => ({ served, work, isolates })),
  )
  add('scale', scale)
  return sums
}
