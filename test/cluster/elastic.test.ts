import { describe, expect, it } from 'vitest'
import type { Placement } from '../../shared/placement/placement.ts'
import type { GenerateEvent } from '../../shared/protocol/engine-api.ts'
import { parseRunFrame } from '../../shared/protocol/frame.ts'
import { experimentSettings } from '../../workers/engine/experiments.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import { RELOAD_MS } from '../../workers/engine/recovery.ts'
import { DEMO_PACK, fixturePack } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster, ClusterOptions } from './cluster.ts'
import { drawnPlacement, nextPlacement, twoOfEach } from './copies.ts'

const REQUEST = greedyRequest(
  [
    [5, 9, 17, 40, 3, 77],
    [8, 8, 20],
  ],
  { maxTokens: 12, logprobs: 2 },
)

const open = (options: Partial<ClusterOptions> = {}) => createCluster({ pack: fixturePack('qwen3_moe'), tier: 'f32', hosts: 2, standby: 2, ...options })

async function answer(cluster: Cluster): Promise<GenerateEvent[]> {
  return must(await cluster.run({ ...REQUEST, requestId: crypto.randomUUID() }))
}

const bits = (events: readonly GenerateEvent[]) => [0, 1].map((index) => choiceBits(events, index))

async function undisturbed(): Promise<string[]> {
  return bits(await answer(await createCluster({ pack: fixturePack('qwen3_moe'), tier: 'f32', hosts: 1 })))
}

/** Does something when the cluster's hosts have got so many frames more: in the middle of a step. */
function frameTrigger() {
  let frames = 0
  let trigger = { at: Infinity, act: () => undefined as void }
  const wrapSession = (session: OpenSession): OpenSession => ({
    ...session,
    run(bytes) {
      if (++frames === trigger.at) trigger.act()
      return session.run(bytes)
    },
  })
  return { wrapSession, after: (more: number, act: () => void) => void (trigger = { at: frames + more, act }) }
}

/** Nothing runs, nothing is held: one session at most for each host, of the newest epoch. */
function expectIdle(cluster: Cluster): void {
  expect(cluster.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
  expect(cluster.experts.oldest()).toBe(cluster.experts.newest().placement.epoch)
  for (const { seen } of cluster.hosts) {
    expect(seen.open).toBeGreaterThanOrEqual(0)
    expect(seen.open).toBeLessThanOrEqual(1)
  }
  expect(cluster.faults).toEqual([])
}

describe.each(['q8', 'q4'] as const)('tier %s', (tier) => {
  it('[EL2] [NU2] an expert on several hosts gives the bits of one on one, whatever a call costs', async () => {
    const prompts = [3, 40, 130].map((length, p) => Array.from({ length }, (_, i) => 4 + ((i * 37 + p * 101) % 6000)))
    const request = greedyRequest(prompts, {
      n: 2,
      maxTokens: 10,
      sampling: { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 7 },
      logprobs: 2,
      echo: true,
    })
    const run = async (options: Partial<ClusterOptions>) => {
      const cluster = await createCluster({ pack: DEMO_PACK, tier, hosts: 2, ...options })
      const events = must(await cluster.run(request))
      expectIdle(cluster)
      return { frames: cluster.hosts.map(({ seen }) => seen.frames), bits: Array.from({ length: 6 }, (_, index) => choiceBits(events, index)) }
    }
    const plain = await run({})
    const shared = await run({ standby: 3, placement: (base) => drawnPlacement(base, 5), callPairs: 0 })
    const frugal = await run({ standby: 3, placement: (base) => drawnPlacement(base, 5), callPairs: 6 })
    expect(shared.bits).toEqual(plain.bits)
    expect(frugal.bits).toEqual(plain.bits)
    expect(shared.frames.every((count) => count > 0)).toBe(true)
    const calls = (frames: readonly number[]) => frames.reduce((sum, count) => sum + count)
    expect(calls(frugal.frames)).toBeLessThan(calls(shared.frames))
  })
})

it.each(['even', 'hash'] as const)('[EL2] experiments: the split %s gives the same bits', async (SPLIT) => {
  const experiments = experimentSettings({ SPLIT, ADOPT: 'live' })
  const cluster = await open({ experiments, standby: 2, placement: (base) => drawnPlacement(base, 5) })
  expect(bits(await answer(cluster))).toEqual(await undisturbed())
  expectIdle(cluster)
})

it('[EL3] experiments: where adoption pauses, no step begins while an older table is in use, and bits are the same', async () => {
  let frames = 0
  const mixed: number[] = []
  const cluster: Cluster = await open({
    lanes: 2,
    experiments: experimentSettings({ SPLIT: 'water', ADOPT: 'pause' }),
    wrapSession: (session) => ({
      ...session,
      async run(bytes) {
        if (++frames % 40 === 0) cluster.experts.adopt(drawnPlacement(cluster.experts.newest().placement, frames))
        const { epoch } = must(parseRunFrame(bytes))
        if (epoch > cluster.experts.oldest()) mixed.push(epoch)
        await new Promise(setImmediate)
        return session.run(bytes)
      },
    }),
  })
  expect(bits(await answer(cluster))).toEqual(await undisturbed())
  expect(cluster.experts.newest().placement.epoch).toBeGreaterThan(2)
  expect(mixed).toEqual([])
  expectIdle(cluster)
})

it('[EL2] what a call costs may be learned in the middle of a step: same bits', async () => {
  let calls = 0
  const placement = (base: Placement) => drawnPlacement(base, 5)
  const learning: Cluster = await open({
    standby: 3,
    placement,
    callPairs: 6,
    wrapSession: (session) => ({
      ...session,
      run(bytes) {
        learning.experts.setCallPairs(calls++ % 9)
        return session.run(bytes)
      },
    }),
  })
  const request = greedyRequest([Array.from({ length: 40 }, (_, i) => 4 + ((i * 37) % 300))], { logprobs: 2, echo: true })
  const plain = choiceBits(must(await (await open({})).run(request)), 0)
  expect(choiceBits(must(await learning.run(request)), 0)).toBe(plain)
  expect(calls).toBeGreaterThan(50)
})

it('[EL3] [EL4] tables adopted in the middle of steps: same bits, a step ends on its own epoch, and its sessions go when it is drained', async () => {
  const adopted: Placement[] = []
  let frames = 0
  const epochs: number[] = []
  const cluster: Cluster = await open({
    lanes: 2,
    wrapSession: (session) => ({
      ...session,
      async run(bytes) {
        if (++frames % 9 === 0) {
          adopted.push(drawnPlacement(cluster.experts.newest().placement, frames))
          cluster.experts.adopt(adopted.at(-1)!)
          epochs.push(cluster.experts.oldest())
        }
        await new Promise(setImmediate)
        return session.run(bytes)
      },
    }),
  })
  const drained = cluster.experts.drained(3)
  expect(bits(await answer(cluster))).toEqual(await undisturbed())
  await drained
  expect(adopted.length).toBeGreaterThan(5)
  expect(epochs.some((oldest, i) => oldest < adopted[i]!.epoch)).toBe(true) // steps of an older epoch were under way
  expect(cluster.hostFaults).toEqual([]) // no host was asked for what its session's epoch does not give it
  expectIdle(cluster)
})

it('[EL3] an epoch that is not newer is ignored', async () => {
  const cluster = await open()
  const { epoch } = cluster.placement
  cluster.experts.adopt(twoOfEach(cluster.placement))
  cluster.experts.adopt({ ...cluster.placement, epoch })
  cluster.experts.adopt({ ...drawnPlacement(cluster.placement, 1), epoch: epoch + 1 })
  expect(cluster.experts.newest().placement).toEqual(twoOfEach(cluster.placement))
})

it('[FA4] a host that dies in the middle: its pairs go to other replicas at once, same bits, and it is left out for a while', async () => {
  const frames = frameTrigger()
  const cluster = await open({ placement: twoOfEach, wrapSession: frames.wrapSession })
  frames.after(11, () => cluster.hosts[0]!.suffers({ kind: 'dead' }))
  expect(bits(await answer(cluster))).toEqual(await undisturbed())
  const { faults } = cluster.experts.traffic.ofHost('expert-00')
  expect(faults).toEqual({ 'host-unavailable': 1 }) // not one a layer
  expect(cluster.hostFaults).toEqual(['expert-00 host-unavailable'])
})

it.each([
  ['lies about an expert', { kind: 'lies', about: (_: number, expert: number) => expert % 3 === 0 }, 'not-resident'],
  ['is silent', { kind: 'silent' }, 'host-unavailable'],
] as const)('[FA4] [FA6] a host that %s: other replicas answer, same bits', async (_what, trouble, code) => {
  const frames = frameTrigger()
  const cluster = await open({ placement: twoOfEach, deadlines: true, wrapSession: frames.wrapSession })
  for (let i = 0; i < 2; i++) await answer(cluster) // what calls take is known now
  frames.after(11, () => cluster.hosts[0]!.suffers(trouble))
  // Healed in the middle of a later step: then what was silent answers after all, into a step that has gone on.
  void cluster.clock.wait(400).then(() => cluster.hosts[0]!.suffers({ kind: 'none' }))
  for (let i = 0; i < 4; i++) expect(bits(await answer(cluster))).toEqual(await undisturbed())
  if (code === 'not-resident') expect(cluster.hostFaults).toContain(`expert-00 ${code}`)
  else expect(cluster.experts.traffic.ofHost('expert-00').hedged).toBeGreaterThan(0)
})

it('[FA5] an expert that no other host has is waited for, and the stream goes on with the same bits', async () => {
  const frames = frameTrigger()
  const cluster = await open({ wrapSession: frames.wrapSession })
  frames.after(11, () => {
    cluster.hosts[0]!.suffers({ kind: 'dead' })
    void cluster.clock.wait(RELOAD_MS / 2).then(() => cluster.hosts[0]!.suffers({ kind: 'none' }))
  })
  expect(bits(await answer(cluster))).toEqual(await undisturbed())
  expect(cluster.clock.nowMs()).toBeGreaterThan(RELOAD_MS / 2)
  expectIdle(cluster)
})

it('[FA5] a host that stays away: a clear, retryable error after the bound, and the next request works when it is back', async () => {
  const frames = frameTrigger()
  const cluster = await open({ wrapSession: frames.wrapSession })
  frames.after(11, () => cluster.hosts[0]!.suffers({ kind: 'dead' }))
  const events = await answer(cluster)
  expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'host-unavailable', retryable: true, details: { host: 'expert-00' } } })
  expect(cluster.clock.nowMs()).toBeGreaterThan(RELOAD_MS)
  cluster.hosts[0]!.suffers({ kind: 'none' })
  expect(bits(await answer(cluster))).toEqual(await undisturbed())
  expectIdle(cluster)
})

it('[FA5] a step that waits for a lost host goes on when a newer table has its experts elsewhere', async () => {
  let soon = 0
  const frames = frameTrigger()
  const cluster = await open({ wrapSession: frames.wrapSession })
  frames.after(11, () => {
    cluster.hosts[0]!.suffers({ kind: 'dead' })
    const { placement } = cluster
    const moved = nextPlacement(placement, (layer, expert) => [placement.base[layer]![expert] === 0 ? 3 : placement.base[layer]![expert]!])
    void cluster.clock.wait(5000).then(() => {
      cluster.experts.adopt(moved)
      return cluster.clock.wait(100).then(() => (soon = cluster.hosts[3]!.seen.frames))
    })
  })
  expect(bits(await answer(cluster))).toEqual(await undisturbed())
  expect(soon).toBeGreaterThan(0) // at once: its next try would have been in half a second
  expect(cluster.clock.nowMs()).toBeLessThan(RELOAD_MS)
  expect(cluster.hosts[3]!.seen.frames).toBeGreaterThan(0)
  expectIdle(cluster)
})

it('[FA5] [SC4] a client that goes away while its step waits for a lost host ends the wait', async () => {
  const frames = frameTrigger()
  const cluster = await open({ wrapSession: frames.wrapSession })
  frames.after(11, () => cluster.hosts[0]!.suffers({ kind: 'dead' }))
  const ended = cluster.run({ ...REQUEST, requestId: 'gone' })
  await cluster.clock.wait(3000)
  expect(cluster.core.counts()).toMatchObject({ running: 2 })
  cluster.core.cancel('gone', null)
  expect(must(await ended).some((event) => event.type === 'error')).toBe(false)
  expect(cluster.clock.nowMs()).toBeLessThan(RELOAD_MS / 2)
  expectIdle(cluster)
})

it('[FA8] a host that is slow is overtaken by other replicas and then left out; what it answers late is not looked at', async () => {
  const frames = frameTrigger()
  const cluster = await open({ placement: twoOfEach, wrapSession: frames.wrapSession })
  for (let i = 0; i < 2; i++) await answer(cluster) // what calls take is known now
  frames.after(11, () => cluster.hosts[0]!.suffers({ kind: 'slow', ms: 500 }))
  for (let i = 0; i < 3; i++) expect(bits(await answer(cluster))).toEqual(await undisturbed())
  const { hedged, faults } = cluster.experts.traffic.ofHost('expert-00')
  expect(hedged).toBeGreaterThan(0)
  expect(hedged).toBeLessThan(5)
  expect(faults).toEqual({})
  await cluster.clock.wait(1000) // the last late answers
  expect(cluster.experts.traffic.ofHost('expert-00').rttMaxMs).toBeGreaterThanOrEqual(500)
})
