import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { GenerateRequest } from '../../shared/protocol/engine-api.ts'
import { fixturePack } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import { drawnPlacement } from './copies.ts'
import type { HostTrouble } from './cluster-host.ts'

const HOSTS = 4
const NONE: HostTrouble = { kind: 'none' }

/** What happens at some frame, whoever gets it: in the middle of steps. Troubles pass: no expert is away for longer than it is waited for. */
const arbEvent = fc.record({
  /** Frames after the event before it. */
  after: fc.integer({ min: 0, max: 40 }),
  host: fc.nat(HOSTS - 1),
  ms: fc.integer({ min: 20, max: 3000 }),
  what: fc.constantFrom('adopt', 'adopt', 'reset', 'dead', 'silent', 'slow', 'lies'),
  seed: fc.nat(),
})

const arbRequest = fc.record({
  length: fc.integer({ min: 1, max: 60 }),
  seed: fc.nat(1000),
  maxTokens: fc.constantFrom(1, 5, 17),
  n: fc.integer({ min: 1, max: 2 }),
})

function requestOf({ length, seed, maxTokens, n }: { length: number; seed: number; maxTokens: number; n: number }): GenerateRequest {
  const prompt = Array.from({ length }, (_, i) => 3 + ((i * 7 + seed * 13) % 90))
  return greedyRequest([prompt], { n, maxTokens, sampling: { temperature: seed % 2, topK: 0, topP: 1, minP: 0, seed }, logprobs: 2, echo: true })
}

type Event = typeof arbEvent extends fc.Arbitrary<infer T> ? T : never

function happen(cluster: Cluster, { host, ms, what, seed }: Event): void {
  const sick = cluster.hosts[host]!
  const suffers = (trouble: HostTrouble, forMs: number) => {
    sick.suffers(trouble)
    void cluster.clock.wait(forMs).then(() => sick.suffers(NONE))
  }
  if (what === 'adopt') return cluster.experts.adopt(drawnPlacement(cluster.experts.newest().placement, seed))
  if (what === 'reset') return sick.reset()
  if (what === 'dead' || what === 'silent') return suffers({ kind: what }, ms)
  if (what === 'slow') return suffers({ kind: what, ms: Math.ceil(ms / 5) }, ms)
  return suffers({ kind: what, about: (layer, expert) => (layer + expert + seed) % 3 === 0 }, ms)
}

it.each([
  ['qwen3_moe', 'f32', 1, 0],
  ['mixtral_swa', 'q8', 2, 1],
  ['granitemoeshared', 'q4', 4, 6],
] as const)(
  '[EL2] [EL3] [EL4] [FA4] [FA5] [FA6] [FA7] [FA8] %s at %s, %i lanes: tables, resets, dead, silent, slow and lying hosts in the middle of steps, the bits of one host',
  async (model, tier, lanes, callPairs) => {
    const pack = fixturePack(model)
    const alone = await createCluster({ pack, tier, hosts: 1, prefixCache: false })
    let onFrame = () => undefined as void
    let late = (_offset: number): Promise<void> => Promise.resolve()
    const cluster = await createCluster({
      pack,
      tier,
      hosts: 2,
      standby: HOSTS - 2,
      lanes,
      callPairs,
      chunk: 16,
      prefixCache: false,
      deadlines: true,
      wrapStore: (store) => ({
        async open(object, offset, bytes) {
          await late(offset)
          return store.open(object, offset, bytes)
        },
      }),
      wrapSession: (session) => ({
        ...session,
        run(frame) {
          onFrame()
          return session.run(frame)
        },
      }),
    })
    late = (offset) => cluster.clock.wait(offset % 997) // storage that is away while hosts are reset
    const seen = { faults: 0, hedged: 0, epochs: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(arbRequest, { minLength: 1, maxLength: 4 }), fc.array(arbEvent, { maxLength: 12 }), async (shapes, events) => {
        let frames = 0
        const due = [...events]
        onFrame = () => {
          frames++
          for (; due[0] && frames > due[0].after; frames = 0) happen(cluster, due.shift()!)
        }
        const requests = shapes.map(requestOf)
        const answers = await Promise.all(requests.map((request) => cluster.run(request).then(must)))
        for (const [i, request] of requests.entries()) {
          const plain = must(await alone.run({ ...request, requestId: crypto.randomUUID() }))
          for (let index = 0; index < request.n; index++) expect(choiceBits(answers[i]!, index)).toBe(choiceBits(plain, index))
        }
        await cluster.clock.wait(15_000) // troubles are over, and what was given up or overtaken has answered, or never will
        expect(cluster.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
        expect(cluster.experts.oldest()).toBe(cluster.experts.newest().placement.epoch)
        for (const { seen: host } of cluster.hosts) {
          expect(host.open).toBeGreaterThanOrEqual(0)
          expect(host.open).toBeLessThanOrEqual(1)
        }
        expect([...cluster.faults, ...alone.faults]).toEqual([])
      }),
      { numRuns: 25 },
    )
    for (const { host } of cluster.hosts) seen.hedged += cluster.experts.traffic.ofHost(host).hedged
    seen.faults = cluster.hostFaults.length
    seen.epochs = cluster.experts.newest().placement.epoch
    expect(seen.faults).toBeGreaterThan(0)
    expect(seen.hedged).toBeGreaterThan(0)
    expect(seen.epochs).toBeGreaterThan(10)
  },
)
