import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import { DEMO_PACK, fixturePack } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster } from './cluster.ts'

const SAMPLED = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 7 }

/** Hosts that answer after some turns of the event loop, so that lanes overtake each other; every `faultEvery`-th reply is of another version, which no retry mends. */
function unsteadyNetwork(faultEvery = Infinity) {
  const seen = { calls: 0, underWay: 0, most: 0 }
  const wrapSession = (session: OpenSession): OpenSession => ({
    ...session,
    async run(frame) {
      const call = ++seen.calls
      seen.most = Math.max(seen.most, ++seen.underWay)
      for (let turns = Math.imul(call, 0x9e3779b1) >>> 30; turns > 0; turns--) await nextTurn()
      const reply = await session.run(frame)
      seen.underWay--
      if (call % faultEvery === 0) reply[4]! ^= 1
      return reply
    },
  })
  return { seen, wrapSession }
}

describe.each(['q8', 'q4'] as const)('tier %s', (tier) => {
  it('[SC10] [NU2] one, two, four and eight lanes give the same bits, and their steps do overlap', async () => {
    const prompts = [3, 40, 71, 130, 17].map((length, p) => Array.from({ length }, (_, i) => 4 + ((i * 37 + p * 101) % 6000)))
    const request = greedyRequest(prompts, { n: 3, maxTokens: 14, sampling: SAMPLED, logprobs: 2, echo: true })
    const answers = []
    for (const lanes of [1, 2, 4, 8]) {
      const { seen, wrapSession } = unsteadyNetwork()
      const cluster = await createCluster({ pack: DEMO_PACK, tier, hosts: 1, lanes, wrapSession })
      const events = must(await cluster.run(request))
      answers.push(Array.from({ length: 15 }, (_, index) => choiceBits(events, index)))
      expect(seen.most).toBe(lanes) // one call a lane: a layer has one host here
      expect(cluster.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
    }
    for (const other of answers) expect(other).toEqual(answers[0])
  })
})

it('[SC10] a step that fails ends the requests it carried, once, and no others', async () => {
  const { seen, wrapSession } = unsteadyNetwork()
  let failAt = Infinity
  const pack = fixturePack('qwen3_moe')
  const cluster = await createCluster({
    pack,
    tier: 'f32',
    hosts: 1,
    lanes: 4,
    wrapSession: (session) => ({
      ...wrapSession(session),
      async run(frame) {
        const reply = await wrapSession(session).run(frame)
        if (seen.calls >= failAt) {
          reply[4]! ^= 1
          failAt = Infinity
        }
        return reply
      },
    }),
  })
  const pair = (id: number) =>
    greedyRequest(
      [
        [id, 9, 17],
        [id, 5],
      ],
      { maxTokens: 30, requestId: String(id) },
    )
  failAt = 60
  const all = await Promise.all([10, 20, 30, 40].map((id) => cluster.run(pair(id)).then(must)))
  const failed = all.filter((events) => events.some((event) => event.type === 'error'))
  expect(failed.length).toBeGreaterThan(0)
  expect(failed.length).toBeLessThan(4)
  for (const events of failed) expect(events.filter((event) => event.type === 'error')).toEqual([events.at(-1)])
  const alone = await createCluster({ pack, tier: 'f32', hosts: 1 })
  for (const [i, events] of all.entries()) {
    if (failed.includes(events)) continue
    const plain = must(await alone.run(pair(10 * (i + 1))))
    for (const index of [0, 1]) expect(choiceBits(events, index)).toBe(choiceBits(plain, index))
  }
  expect(cluster.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
})

it('[SC4] what is cancelled while a step has it keeps its pages until the step ends, and leaves then', async () => {
  const { wrapSession } = unsteadyNetwork()
  const cluster = await createCluster({ pack: fixturePack('qwen3_moe'), tier: 'f32', hosts: 1, lanes: 2, wrapSession })
  const ended = Promise.withResolvers<void>()
  must(cluster.core.generate(greedyRequest([[5, 6, 7]], { requestId: 'gone', maxTokens: 50 }), { emit: () => undefined, end: ended.resolve }))
  cluster.core.cancel('gone', null)
  const other = cluster.run(greedyRequest([[8, 9]], { maxTokens: 5 })) // its lane begins at once, beside the cancelled one's step
  expect(cluster.core.counts()).toMatchObject({ running: 2, kvPagesUsed: 2 })
  await ended.promise
  expect(cluster.core.counts().running).toBeLessThan(2)
  must(await other)
  expect(cluster.core.counts()).toMatchObject({ running: 0, kvPagesUsed: 0 })
})

/** Prompts of few kinds, so that they share beginnings of many lengths. */
const arbRequest = fc.record({
  kind: fc.nat(1),
  length: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.constantFrom(16, 17, 32, 33, 48)),
  branch: fc.option(fc.nat(60)),
  maxTokens: fc.constantFrom<number>(1, 4, 17, 34),
  n: fc.integer({ min: 1, max: 3 }),
  echo: fc.boolean(),
  /** Comes when the one before it has its first token, not at once. */
  late: fc.boolean(),
  cancelled: fc.boolean(),
})

type Shape = typeof arbRequest extends fc.Arbitrary<infer T> ? T : never

/** Three choices that together outgrow the pages. */
const GROWING: Shape = { kind: 0, length: 20, branch: null, maxTokens: 80, n: 3, echo: false, late: false, cancelled: false }

function requestOf({ kind, length, branch, maxTokens, n, echo }: Shape): GenerateRequest {
  const prompt = Array.from({ length }, (_, i) => 3 + ((i * 7 + kind * 13 + (branch !== null && i >= branch ? 1 : 0)) % 90))
  return greedyRequest([prompt], { n, maxTokens, sampling: { ...SAMPLED, seed: length }, logprobs: 2, echo })
}

/** Runs all of them together: each comes when it comes, and cancelled ones go at their first token. */
async function runTogether(cluster: Cluster, shapes: readonly Shape[], requests: readonly GenerateRequest[]): Promise<GenerateEvent[][]> {
  const answers: Promise<GenerateEvent[]>[] = []
  for (const [i, request] of requests.entries()) {
    const began = Promise.withResolvers<void>()
    answers.push(
      new Promise((resolve) => {
        const events: GenerateEvent[] = []
        const emit = (event: GenerateEvent) => {
          events.push(event)
          began.resolve()
          if (shapes[i]!.cancelled && event.type === 'token') cluster.core.cancel(request.requestId, null)
        }
        const end = () => {
          began.resolve()
          resolve(events)
        }
        must(cluster.core.generate(request, { emit, end }))
      }),
    )
    if (shapes[i + 1]?.late) await began.promise
  }
  return Promise.all(answers)
}

it.each([
  ['qwen3_moe', 'f32', 10, 1],
  ['mixtral_swa', 'q8', 9, 2],
  ['granitemoeshared', 'q4', 9, 4],
  ['qwen3_moe', 'q8', 12, 8],
] as const)(
  '[SC8] [SC9] [SC10] [NU2] %s at %s, %i pages, %i lanes: hits, evictions, preemptions, cancels and failing steps, the bits of a request alone',
  async (model, tier, kvPages, lanes) => {
    const pack = fixturePack(model)
    const alone = await createCluster({ pack, tier, hosts: 1, prefixCache: false })
    const { wrapSession } = unsteadyNetwork(601)
    const busy = await createCluster({ pack, tier, hosts: 2, chunk: 11, kvPages, lanes, wrapSession })
    let failed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(arbRequest, { minLength: 1, maxLength: 7 }), async (drawn) => {
        const shapes = [GROWING, ...drawn]
        const requests = shapes.map(requestOf)
        const together = await runTogether(busy, shapes, requests)
        for (const [i, request] of requests.entries()) {
          if (shapes[i]!.cancelled) continue
          const errors = together[i]!.filter((event) => event.type === 'error')
          failed += errors.length
          expect(errors.length).toBeLessThanOrEqual(1)
          if (errors.length > 0) continue
          const plain = must(await alone.run({ ...request, requestId: crypto.randomUUID() }))
          for (let index = 0; index < request.n; index++) expect(choiceBits(together[i]!, index)).toBe(choiceBits(plain, index))
        }
        expect(busy.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
        expect([...busy.faults, ...alone.faults]).toEqual([])
      }),
      { numRuns: 12 },
    )
    expect(busy.core.counts().preemptions).toBeGreaterThan(0)
    expect(busy.core.counts().cachedTokens).toBeGreaterThan(0)
    expect(failed).toBeGreaterThan(0)
  },
)
