import { describe, expect, it } from 'vitest'
import type { Policy } from '../../shared/placement/policy.ts'
import type { ScaleEvent, ScaleRequest } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
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
    await world.core.setPolicy({ stayMs: 30_000 })
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

describe('what goes wrong in an event', () => {
  const scale = async (world: World, ...experts: ScaleRequest['experts']) => world.core.scale({ dryRun: false, experts })
  const last = (world: World) => world.store.events(0).at(-1)!

  it('[EL6] wrong bytes are never published; the rest of the plan goes on and the error stands in the event', async () => {
    const world = await warmWorld()
    world.host(2).corrupt.add('0,1')
    await scale(world, { layer: 0, expert: 1, hosts: ['expert-02'] }, { layer: 0, expert: 2, hosts: ['expert-02'] })
    await world.run(1000)
    expect(last(world)).toMatchObject({ state: 'done', error: { code: 'weights-corrupt' }, moves: [{ kind: 'load', expert: 2 }] })
    expect(world.table().layers[0]).toEqual([[0], [0], [0, 2], [0]])
    expect(world.discrepancies()).toEqual([])
  })

  it('[EL6] what a probe does not name was not proved, so it is not published', async () => {
    const world = await warmWorld()
    world.host(2).unnamed.add('0,1')
    await scale(world, { layer: 0, expert: 1, hosts: ['expert-02'] }, { layer: 0, expert: 2, hosts: ['expert-02'] })
    await world.run(1000)
    expect(last(world)).toMatchObject({ state: 'done', error: { code: 'host-unavailable' }, moves: [{ kind: 'load', expert: 2 }] })
    expect(world.table().layers[0]).toEqual([[0], [0], [0, 2], [0]])
    expect(world.discrepancies()).toEqual([])
  })

  it('[EL6] an event of which nothing is left changes no table, and what was copied is dropped again', async () => {
    const world = await warmWorld()
    const before = world.table()
    world.host(2).missing.add('0,1')
    await scale(world, { layer: 0, expert: 1, hosts: ['expert-02'] })
    await world.run(1000)
    expect(last(world)).toMatchObject({ state: 'failed', fromEpoch: 1, toEpoch: 1, error: { code: 'weights-missing' }, moves: [] })
    expect(last(world).phases.map(({ phase }) => phase)).toEqual(['plan', 'wake', 'copy', 'drop'])
    expect(world.table()).toEqual(before)
    expect(world.discrepancies()).toEqual([])
  })

  it('[EL6] a host that goes while it is copied to keeps nothing in vain when it is back', async () => {
    const world = await warmWorld()
    await world.core.setPolicy({ enabled: false })
    const copied = world.host(2)
    copied.onLoad = () => (copied.up = false) // it has the expert, and nobody hears of it
    await scale(world, { layer: 0, expert: 1, hosts: ['expert-02'] })
    await world.run(1000)
    expect(last(world)).toMatchObject({ state: 'failed', error: { code: 'host-unavailable' } })
    expect(world.discrepancies()).toEqual(['expert-02 holds 0,1'])
    copied.up = true
    await windows(world, 8)
    expect(world.discrepancies()).toEqual([])
  })

  it('[EL5] two hosts in one isolate are one host: the standby is given up as capacity', async () => {
    const world = await warmWorld()
    world.host(2).isolateId = 'isolate-1'
    await scale(world, { layer: 0, expert: 1, hosts: ['expert-02'] })
    await world.run(1000)
    expect(last(world)).toMatchObject({ state: 'failed', error: { code: 'host-unavailable', message: expect.stringContaining('is one host with expert-01') } })
    expect(world.table().epoch).toBe(1)
    expect(await scale(world, { layer: 1, expert: 0, hosts: ['expert-02'] })).toMatchObject({ ok: false, error: { code: 'invalid-request' } }) // now it is known
  })

  it('[EL5] a drain waits for an engine no longer than the policy says, then copies go', async () => {
    const world = await warmWorld()
    await scale(world, { layer: 0, expert: 1, hosts: ['expert-02'] })
    await world.run(1000)
    world.engine.drains = false
    await world.core.setPolicy({ drainMs: 3000, leaseMs: 60_000 })
    await world.report(COLD)
    await scale(world, { layer: 0, expert: 1, replicas: 1 })
    await world.run(2900)
    expect(world.host(2).resident.size).toBe(1)
    await world.run(200)
    expect(world.host(2).resident.size).toBe(0)
    expect(last(world)).toMatchObject({ state: 'done', toEpoch: 3 })
    expect(world.engine.epoch).toBe(3)
  })

  it('[EL13] what fails is not tried again at once: each failure in a row waits twice as long', async () => {
    const world = await warmWorld()
    world.host(1).missing.add('0,1')
    world.host(2).missing.add('0,1')
    await windows(world, 40, HOT_LOAD)
    const starts = world.store.events(2).map(({ phases }) => phases[0]!.startMs)
    const gaps = starts.slice(1).map((at, i) => at - starts[i]!)
    expect(gaps.length).toBeGreaterThan(1)
    expect(gaps.every((gap, i) => i === 0 || gap >= 2 * gaps[i - 1]! - WINDOW_MS)).toBe(true)
    expect(world.faults).toEqual([])
  })
})

describe('hosts', () => {
  it('[EL12] a host that does not answer twice is lost, its base replicas are placed elsewhere, and it is warm when it is back', async () => {
    const world = await warmWorld()
    await windows(world, 2)
    world.host(1).up = false
    await world.report(COLD, [{ host: 'expert-01', calls: 3, faults: { 'host-unavailable': 3 } }])
    await world.run(1000)
    const state = await world.core.state()
    expect(state.ok && state.value.hosts.map((host) => host.state)).toEqual(['warm', 'lost', 'warm'])
    expect(world.store.events(0).at(-1)).toMatchObject({ reason: 'lost-host', state: 'done', error: null })
    expect(world.table().base[1]).not.toContain(1)
    world.host(1).up = true
    await windows(world, 8)
    const later = await world.core.state()
    expect(later.ok && later.value.hosts.map((host) => host.state)).toEqual(['warm', 'standby', 'warm']) // answers, and holds nothing now
  })

  it('[EL12] a lost host is replaced even where the policy is off', async () => {
    const world = await warmWorld()
    await world.core.setPolicy({ enabled: false })
    world.host(1).up = false
    await world.report(COLD, [{ host: 'expert-01', faults: { 'host-unavailable': 1 } }])
    await world.run(1000)
    expect(world.table().base[1]).not.toContain(1)
  })

  it('[EL12] a reset host gets its copies again before the next window, under the same epoch', async () => {
    const world = await warmWorld()
    await windows(world, 3, HOT_LOAD)
    world.host(2).reset('isolate-2b')
    await world.report(HOT_LOAD, [{ host: 'expert-02', faults: { 'not-resident': 2 } }])
    await world.run(100)
    expect(world.store.events(0).at(-1)).toMatchObject({ reason: 'lost-host', state: 'done', fromEpoch: 2, toEpoch: 2 })
    expect(world.discrepancies()).toEqual([])
  })

  it('[EL12] a cluster that starts again on a kept state loads nothing at once, and its old load is no reason for copies', async () => {
    const world = await warmWorld()
    await windows(world, 4, HOT_LOAD)
    expect(world.table().layers[0]![1]).toEqual([0, 2])
    world.nowMs += 600_000
    world.alarmMs = null
    world.restart()
    for (const [index, host] of Array.from(world.hosts.values()).entries()) host.reset(`isolate-${index}b`)
    const events = world.store.events(0).length
    const loads = () => Array.from(world.hosts.values(), (host) => host.calls.filter((call) => call === 'load').length)
    const before = loads()
    await world.join()
    await windows(world, 2)
    await world.run(30_000)
    expect(loads()).toEqual(before)
    expect(world.store.events(0).slice(events)).toMatchObject([{ reason: 'load', moves: [{ kind: 'drop', layer: 0, expert: 1, host: 'expert-02' }] }])
    expect(world.discrepancies()).toEqual([])
  })

  it('[EL12] a reset host loads its base replicas with their first use, not by order', async () => {
    const world = await warmWorld()
    await windows(world, 4, HOT_LOAD)
    const events = world.store.events(0).length
    world.host(0).reset('isolate-0b')
    await world.report(HOT_LOAD, [{ host: 'expert-00', faults: { 'host-unavailable': 1 } }])
    await world.run(1000)
    expect(world.store.events(0)).toHaveLength(events)
    expect(world.host(0).calls).toContain('inventory')
    expect(world.host(0).resident.size).toBe(0)
  })

  it('[EL12] a reset host that cannot have its copy again loses it in the table', async () => {
    const world = await warmWorld()
    await windows(world, 3, HOT_LOAD)
    world.host(2).reset('isolate-2b')
    world.host(2).missing.add('0,1')
    await world.report(HOT_LOAD, [{ host: 'expert-02', faults: { 'not-resident': 2 } }])
    await world.run(100)
    expect(world.table()).toMatchObject({ epoch: 3 })
    expect(world.table().layers[0]![1]).toEqual([0])
    expect(world.discrepancies()).toEqual([])
  })

  it('[EL5] what one host gets from storage is one order, whoever else has it', async () => {
    const world = await warmWorld()
    const { base } = world.table()
    const experts = [0, 1].map((host) => {
      const layer = base.findIndex((hosts) => hosts.includes(host))
      return { layer, expert: base[layer]!.indexOf(host), hosts: ['expert-02'] }
    })
    await world.core.setPolicy({ enabled: false, source: 'storage' })
    await world.core.scale({ dryRun: false, experts })
    await world.run(1000)
    expect(world.host(2).calls.filter((call) => call.startsWith('load'))).toHaveLength(1)
    expect(world.host(2).resident.size).toBe(2)
  })

  it('[EL5] copies come from a peer where that was measured faster', async () => {
    const world = await warmWorld()
    world.host(0).use([
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 3],
    ])
    const copy = async (expert: number, policy: Partial<Policy> = {}) => {
      await world.core.setPolicy(policy)
      await world.core.scale({ dryRun: false, experts: [{ layer: 0, expert, hosts: ['expert-02'] }] })
      await world.run(1000)
      return world.host(0).calls.filter((call) => call === 'source').length
    }
    expect(await copy(0, { enabled: false, source: 'storage' })).toBe(0)
    expect(await copy(1, { source: 'auto' })).toBe(1) // storage is measured, a peer is not
    expect(await copy(2, { source: 'storage' })).toBe(1)
    expect(await copy(3, { source: 'peer' })).toBe(2)
  })
})

describe('the RPC face', () => {
  it('[EL1] a report that comes twice counts once, also after a reset of either side', async () => {
    const world = await warmWorld()
    const report = await world.report(COLD)
    await world.core.report(report)
    world.restart()
    await world.core.report(report)
    expect(world.store.read('window')).toMatchObject({ steps: 100 })
    await world.core.report({ ...report, isolateId: 'after a reset', number: 1 })
    await world.core.report(report) // late, from the isolate before
    expect(world.store.read('window')).toMatchObject({ steps: 200 })
  })

  it('[EL1] first uses do not enter the cost fit, nor their steps the measured step; a report whose parts exceed the whole is refused', async () => {
    const world = await warmWorld()
    const first = { calls: 50, pairs: 400, rttSumMs: 50_000 }
    const seen = { host: 'expert-00', calls: 150, pairs: 1200, rttSumMs: 50_200, rttMaxMs: 2000, first }
    for (let i = 0; i < 6; i++) {
      await world.report(COLD, [seen])
      await world.run(WINDOW_MS)
    }
    const state = await world.core.state()
    if (!state.ok) throw new Error(state.error.message)
    expect(state.value.cost!.rttMs + 8 / state.value.cost!.pairsPerMs).toBeCloseTo(2, 6)
    expect(state.value.step).toMatchObject({ measuredMs: 5, ownMs: 2 })
    const report = await world.report(COLD)
    const wrong = { ...report, number: report.number + 1, hosts: [{ ...seen, hedged: 0, faults: {}, first: { ...first, calls: 151 } }] }
    expect(await world.core.report(wrong)).toMatchObject({ ok: false, error: { details: { param: 'hosts' } } })
    const longer = { ...report, number: report.number + 1, steady: { steps: 100, stepSumMs: 500, expertsSumMs: 501 } }
    expect(await world.core.report(longer)).toMatchObject({ ok: false, error: { details: { param: 'steady' } } })
  })

  it('[EL1] a report of another model is refused, and its numbers are checked', async () => {
    const world = await warmWorld()
    const report = await world.report(COLD)
    const [seen] = report.hosts
    for (const wrong of [
      { load: [[1]] },
      { load: [[1, 1, 1, NaN], COLD[1]!] },
      { load: [[1, 1, 1, 1e300], COLD[1]!] },
      { steps: -1 },
      { steps: 1e-300 },
      { number: 0 },
      { stepSumMs: Infinity },
      { windowMs: 1e300 },
      { epoch: 2 ** 32 },
      { oldestEpoch: 2 },
      { engine: '' },
      { engine: 'e'.repeat(LIMITS.engineNameChars + 1) },
      { hosts: [{ ...seen!, calls: 1e-300 }] },
      { hosts: Array.from({ length: LIMITS.hostsMax + 1 }, () => seen!) },
    ])
      expect(await world.core.report({ ...report, number: 9, ...wrong })).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
  })

  it('[EL1] hosts that nobody placed anything on are not kept, and engines no more than may join', async () => {
    const world = await warmWorld()
    const report = await world.report(COLD, [{ host: 'expert-00' }, { host: 'a stranger' }])
    expect(Object.keys(world.store.read('window')!.hosts)).toEqual(['expert-00'])
    const others = Array.from({ length: LIMITS.enginesMax }, (_, i) => world.core.report({ ...report, engine: `engine-${i + 1}` }))
    const answers = await Promise.all(others)
    expect(answers.slice(0, -1).every(({ ok }) => ok)).toBe(true)
    expect(answers.at(-1)).toMatchObject({ ok: false, error: { code: 'overloaded', retryable: true } })
    expect(Object.keys(world.store.read('engines')!)).toHaveLength(LIMITS.enginesMax)
  })

  it('[EL5] a report that was on its way when its engine drained does not take that back', async () => {
    const world = await warmWorld()
    const report = await world.report(COLD)
    await world.core.scale({ dryRun: false, experts: [{ layer: 0, expert: 1, hosts: ['expert-02'] }] })
    await world.run(1000)
    await world.core.report({ ...report, number: 2 }) // of epoch 1
    expect(world.store.read('engines')!['engine-0']).toMatchObject({ epoch: 2, oldestEpoch: 2 })
  })

  it('[EL7] an epoch that no table can go past is refused, and the engine that has the largest goes on', async () => {
    const world = await warmWorld()
    world.engine.epoch = 2 ** 31
    await world.report(COLD)
    expect(world.engine.placement!.epoch).toBe(2 ** 31 + 1)
    await world.report(COLD)
    expect(world.table().epoch).toBe(2 ** 31 + 1)
  })

  it('[EL3] an engine that cannot be called gets the table with its next report, and joins again', async () => {
    const world = await warmWorld()
    world.restart() // the control went with the old instance
    await world.core.scale({ dryRun: false, experts: [{ layer: 0, expert: 1, hosts: ['expert-02'] }] })
    await world.run(1000)
    expect(world.engine.epoch).toBe(1)
    await world.report(COLD)
    expect([world.engine.epoch, world.engine.joined]).toEqual([2, true])
  })

  it('[EL14] a dry run shows the moves and changes nothing', async () => {
    const world = await warmWorld()
    const answer = await world.core.scale({ dryRun: true, experts: [{ layer: 1, expert: 3, replicas: 2 }] })
    expect(answer).toMatchObject({ ok: true, value: { moves: [{ kind: 'load', layer: 1, expert: 3, bytes: 1000 }], event: null } })
    expect(world.store.read('running')).toBeNull()
  })

  it('[EL14] a second plan while an event is under way is a retryable conflict', async () => {
    const world = await warmWorld()
    const first = await world.core.scale({ dryRun: false, experts: [{ layer: 0, expert: 1, replicas: 2 }] })
    const second = await world.core.scale({ dryRun: false, experts: [{ layer: 0, expert: 2, replicas: 2 }] })
    expect(first).toMatchObject({ ok: true, value: { event: { id: 2 } } })
    expect(second).toMatchObject({ ok: false, error: { code: 'conflict', retryable: true, details: { event: 2 } } })
    await world.run(1000)
    expect(await world.core.scale({ dryRun: false, experts: [{ layer: 0, expert: 2, replicas: 2 }] })).toMatchObject({ ok: true })
  })

  it('[EL14] a listener sees each phase of each event, and what was kept before', async () => {
    const world = await warmWorld()
    const reader = (await world.core.events(1)).getReader()
    await world.core.scale({ dryRun: false, experts: [{ layer: 0, expert: 1, replicas: 2 }] })
    await world.run(1000)
    const seen: string[] = []
    while (!seen.at(-1)?.endsWith('done') || seen.length < 8) {
      const { value } = await reader.read()
      for (const line of new TextDecoder().decode(value).trim().split('\n')) {
        const { id, phases, state } = JSON.parse(line) as ScaleEvent
        seen.push(`${id} ${phases.at(-1)!.phase} ${state}`)
      }
    }
    expect(seen).toEqual([
      '1 publish done',
      '2 wake running',
      '2 copy running',
      '2 probe running',
      '2 publish running',
      '2 drain running',
      '2 drop running',
      '2 drop done',
    ])
    await reader.cancel()
  })

  it('[EL14] refuses a policy that is out of bounds or unknown, and keeps what is set', async () => {
    const world = await warmWorld()
    expect(await world.core.setPolicy({ stayMs: -1 })).toMatchObject({ ok: false, error: { details: { param: 'stayMs' } } })
    expect(await world.core.setPolicy({ stay: 1 } as Partial<Policy>)).toMatchObject({ ok: false, error: { details: { reason: 'unknown_parameter' } } })
    expect(await world.core.setPolicy({ stayMs: 1 })).toMatchObject({ ok: true, value: { stayMs: 1, windowMs: 2000 } })
    world.restart()
    expect(await world.core.state()).toMatchObject({ ok: true, value: { policy: { stayMs: 1 } } })
  })
})

it('[EL13] load is planned for once a window, whatever else begins a turn', async () => {
  const world = await warmWorld()
  await windows(world, 3, HOT_LOAD)
  expect(world.table().layers[0]![1]).toEqual([0, 2])
  await world.core.scale({ dryRun: false, experts: [{ layer: 0, expert: 1, replicas: 1 }] }) // against what the load says
  await world.run(500)
  expect(world.table().layers[0]![1]).toEqual([0])
  await windows(world, 1, HOT_LOAD)
  expect(world.table().layers[0]![1]).toEqual([0, 2])
})

it('[EL13] no copies are made for the first two windows of traffic', async () => {
  const world = await warmWorld()
  await windows(world, 2, HOT_LOAD)
  expect(world.table().layers[0]![1]).toEqual([0])
  await windows(world, 1, HOT_LOAD)
  expect(world.table().layers[0]![1]).toEqual([0, 2])
})

it('[EL12] a lost host comes before one that was reset, in one turn', async () => {
  const world = new World({ planner: thresholdPlanner, base: 3, standby: 1 })
  await world.join()
  await windows(world, 3, HOT_LOAD)
  world.host(3).reset('isolate-3b')
  world.host(1).up = false
  await world.report(HOT_LOAD, [
    { host: 'expert-01', faults: { 'host-unavailable': 1 } },
    { host: 'expert-03', faults: { 'not-resident': 1 } },
  ])
  await world.run(1000)
  const [lost, reset] = world.store.events(3)
  expect(lost!.toEpoch).toBe(3)
  expect(reset).toMatchObject({ reason: 'lost-host', fromEpoch: 3, toEpoch: 3 })
  expect(reset!.moves.every((move) => move.host === 'expert-03')).toBe(true)
  expect(world.discrepancies()).toEqual([])
})

it('[EL12] what failed for the load does not hold up a lost host', async () => {
  const world = await warmWorld()
  world.host(1).missing.add('0,1')
  world.host(2).missing.add('0,1')
  await windows(world, 12, HOT_LOAD)
  expect(world.store.read('backoff')!.untilMs).toBeGreaterThan(world.nowMs + WINDOW_MS)
  world.host(1).up = false
  await world.report(HOT_LOAD, [{ host: 'expert-01', faults: { 'host-unavailable': 1 } }])
  await world.run(1000)
  expect(world.table().base[1]).not.toContain(1)
})

it('[EL7] an autoscaler that lost its store goes past the epochs that engines still have', async () => {
  const world = await warmWorld()
  world.engine.epoch = 7 // of a table that this store never saw
  world.engine.placement = null
  await world.report(COLD)
  expect(world.table().epoch).toBe(8)
  expect(world.engine).toMatchObject({ epoch: 8, placement: { epoch: 8 } })
  expect(world.store.events(0).at(-1)).toMatchObject({ reason: 'base', fromEpoch: 1, toEpoch: 8 })
})

it('[EL12] what a step of an older table made a host load that has nothing now is dropped', async () => {
  const world = await warmWorld()
  await windows(world, 2)
  world.host(2).use([[0, 1]]) // a standby, reset since the older table gave it the expert: it loads on first use
  await world.report(COLD, [{ host: 'expert-02', calls: 1 }])
  await world.run(WINDOW_MS)
  expect(world.discrepancies()).toEqual([])
})
