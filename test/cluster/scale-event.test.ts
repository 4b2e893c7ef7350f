import { expect, it } from 'vitest'
import type { Placement } from '../../shared/placement/placement.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { ExpertOrder, ExpertRef, PeerSource } from '../../shared/protocol/host-api.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import { fixturePack } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { nextPlacement } from './copies.ts'

const REQUEST = greedyRequest([[5, 9, 17, 40, 3, 77]], { maxTokens: 24, logprobs: 1 })
const STANDBY = 2
const PACK = { pack: fixturePack('qwen3_moe'), tier: 'f32' } as const

function orderOf({ manifest }: Cluster, experts: readonly ExpertRef[]): ExpertOrder {
  return { protocolVersion: PROTOCOL_VERSION, digest: manifest.digest, tier: 'f32', experts }
}

const isHot = (expert: number) => expert % 2 === 0

/** Hot experts on the standby, too. */
function withCopies(of: Placement): Placement {
  return nextPlacement(of, (layer, expert) => [of.base[layer]![expert]!, ...(isHot(expert) ? [STANDBY] : [])])
}

function withoutCopies(of: Placement): Placement {
  return nextPlacement(of, (layer, expert) => [of.base[layer]![expert]!])
}

/** The phases of a scale event in their order: copy, probe, publish, then back: publish, drain, drop. */
async function scaleUpAndDown(cluster: Cluster, peer: PeerSource | null): Promise<void> {
  const standby = cluster.hosts[STANDBY]!.control()
  const hot = cluster.manifest.experts.filter(({ expert }) => isHot(expert)).map(({ layer, expert }): ExpertRef => [layer, expert])
  const order = orderOf(cluster, hot)
  expect(must(await standby.load(order, peer))).toMatchObject({ loaded: hot, failed: [] })
  expect(must(await standby.probe(order))).toMatchObject({ passed: hot, failed: [] })
  for (const table of [withCopies, withoutCopies]) {
    const next = table(cluster.experts.newest().placement)
    cluster.experts.adopt(next)
    await cluster.experts.drained(next.epoch)
    const { frames } = cluster.hosts[STANDBY]!.seen
    if (table === withCopies) await pollUntil(() => cluster.hosts[STANDBY]!.seen.frames > frames)
  }
  expect(must(await standby.drain(order)).queuedFrames).toBe(0)
  expect(must(await standby.drop(order)).residentBytes).toBe(0)
}

/** A call takes a turn of the event loop, as over a network: steps of the clients alone would leave none to the orders. */
const overTurns = (session: OpenSession): OpenSession => ({
  ...session,
  async run(bytes) {
    await new Promise(setImmediate)
    return session.run(bytes)
  },
})

/** Other work goes on meanwhile. */
async function pollUntil(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    if (turn > 100_000) throw new Error('it never came to hold')
    await new Promise(setImmediate)
  }
}

it('[RE8] [RE9] [RE10] [RE11] [NU2] experts come to a standby and go again by order while requests run: same bits, nothing fails, bytes are back at base', async () => {
  const plain = await createCluster({ ...PACK, hosts: 1 })
  const want = choiceBits(must(await plain.run(REQUEST)), 0)
  const cluster = await createCluster({ ...PACK, hosts: 2, standby: 1, lanes: 2, callPairs: 0, wrapSession: overTurns })
  must(await cluster.run({ ...REQUEST, requestId: crypto.randomUUID() }))
  const residentBytes = () => cluster.memories.map(({ slots }) => slots.usedBytes)
  const base = residentBytes()
  let running = true
  const client = async () => {
    let requests = 0
    for (; running; requests++) expect(choiceBits(must(await cluster.run({ ...REQUEST, requestId: crypto.randomUUID() })), 0)).toBe(want)
    return requests
  }
  const clients = [client(), client()]
  try {
    const all = cluster.manifest.experts.map(({ layer, expert }): ExpertRef => [layer, expert])
    for (const peer of [null, must(await cluster.hosts[0]!.control().source(orderOf(cluster, all))), null]) await scaleUpAndDown(cluster, peer)
  } finally {
    running = false
  }
  for (const requests of await Promise.all(clients)) expect(requests).toBeGreaterThan(0)
  expect(residentBytes()).toEqual(base)
  const { report } = must(await cluster.hosts[STANDBY]!.control().inventory())
  expect(report.work).toMatchObject({ loads: report.work.drops, pairs: expect.any(Number) as number })
  expect(report.work.peerBytes).toBeGreaterThan(0)
  expect(report.work.pairs).toBeGreaterThan(0)
  expect(cluster.hostFaults).toEqual([])
  expect(cluster.faults).toEqual([])
})
