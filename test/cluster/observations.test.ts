import { expect, it } from 'vitest'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import { NO_REQUEST_WORK, addRequestWork } from '../../shared/protocol/request-work.ts'
import { buildErrorFrame } from '../../shared/protocol/frame.ts'
import { moeError } from '../../shared/protocol/errors.ts'
import { DEMO_PACK, fixturePack } from '../e2e/pack-fixtures.ts'
import { createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster } from './cluster.ts'

const PROMPT = Array.from({ length: 40 }, (_, i) => 4 + i)

/** Runs a request and cancels (a choice of) it when it has told so many tokens. */
function run(cluster: Cluster, request: GenerateRequest, cancel: { readonly after: number; readonly index: number | null }): Promise<void> {
  let tokens = 0
  return new Promise((resolve) => {
    const emit = (event: GenerateEvent) => {
      if (event.type === 'token' && ++tokens === cancel.after) cluster.core.cancel(request.requestId, cancel.index)
    }
    must(cluster.core.generate(request, { emit, end: resolve }))
  })
}

it('[MT1] known traffic is counted exactly: tokens, cache, ends, and as many observations as there were', async () => {
  const cluster = await createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 2, lanes: 2 })
  const once = must(await cluster.run(greedyRequest([PROMPT], { maxTokens: 5 })))
  const again = must(await cluster.run(greedyRequest([PROMPT, [9, 8, 7]], { n: 2, maxTokens: 3 })))
  const first = once.find((event) => event.type === 'token')!.id
  must(await cluster.run(greedyRequest([PROMPT], { maxTokens: 5, stopTokens: [first] })))
  await run(cluster, greedyRequest([PROMPT], { requestId: 'leaves', maxTokens: 20 }), { after: 4, index: null })
  await run(cluster, greedyRequest([PROMPT], { requestId: 'stops', maxTokens: 20 }), { after: 2, index: 0 })
  expect(cluster.core.generate(greedyRequest([Array.from({ length: 1 }, () => 5)], { maxTokens: 0 }), { emit: () => undefined, end: () => undefined }).ok).toBe(
    false,
  )

  const work = cluster.core.takeWork()
  const cached = again.flatMap((event) => (event.type === 'prefilled' ? [event.cachedTokens] : []))
  expect(cached.reduce((sum, tokens) => sum + tokens, 0)).toBeGreaterThan(0)
  const { interTokenLatencyMs, promptTokens, timeToFirstTokenMs, e2eLatencyMs } = work.histograms
  const count = ({ counts }: { counts: readonly number[] }) => counts.reduce((sum, of) => sum + of, 0)
  expect(work).toMatchObject({
    requests: 5, // what can never be served was not taken
    promptTokens: 40 + 2 * 40 + 2 * 3 + 3 * 40,
    prefixQueries: 40 + 2 * 40 + 2 * 3 + 3 * 40,
    prefixHits: cached.reduce((sum, tokens) => sum + tokens, 0) + 3 * 32,
    generationTokens: 5 + 4 * 3 + 0 + 4 + 2,
    finished: { stop: 2, length: 5, abort: 1, error: 0 },
  })
  expect(count(interTokenLatencyMs)).toBe(4 + 4 * 2 + 3 + 1)
  expect([count(timeToFirstTokenMs), count(e2eLatencyMs), count(promptTokens)]).toEqual([8, 8, 8])
  expect(promptTokens.sum).toBe(246)
  expect(cluster.core.takeWork()).toEqual(NO_REQUEST_WORK)
})

it('[MT1] preemptions count, and what is computed again counts once', async () => {
  const cluster = await createCluster({ pack: fixturePack('qwen3_moe'), tier: 'f32', hosts: 1, kvPages: 6 })
  const prompts = [3, 4, 5, 6].map((id) => Array.from({ length: 10 }, () => id))
  const events = must(await cluster.run(greedyRequest(prompts, { maxTokens: 30 })))
  const work = addRequestWork(NO_REQUEST_WORK, cluster.core.takeWork())
  expect(work.preemptions).toBe(cluster.core.counts().preemptions)
  expect(work.preemptions).toBeGreaterThan(0)
  expect(work).toMatchObject({ requests: 1, promptTokens: 40, generationTokens: 120, finished: { length: 4 } })
  expect(events.filter(({ type }) => type === 'token')).toHaveLength(120)
})

it('[MT1] a request that fails ends with an error, each of its sequences', async () => {
  const broken = moeError('frame-invalid', 'broken', { field: 'kind', got: 1, limit: 0 })
  const cluster = await createCluster({
    pack: fixturePack('qwen3_moe'),
    tier: 'f32',
    hosts: 1,
    wrapSession: (session) => ({ ...session, run: async () => buildErrorFrame(1, '0'.repeat(24), broken) }),
  })
  const events = must(await cluster.run(greedyRequest([[5, 6]], { n: 2 })))
  expect(events.map(({ type }) => type)).toEqual(['error'])
  expect(cluster.core.takeWork()).toMatchObject({ requests: 1, promptTokens: 0, generationTokens: 0, finished: { stop: 0, length: 0, abort: 0, error: 2 } })
})

it('[MT5] a choice says which hosts its tokens were sent to, and how long each part took', async () => {
  const open = (hosts: number) => createCluster({ pack: DEMO_PACK, tier: 'q8', hosts, shape: 'spread' })
  const cluster = await open(3)
  const [prefilled, ...rest] = must(await cluster.run(greedyRequest([PROMPT], { maxTokens: 4 })))
  expect(prefilled).toMatchObject({ type: 'prefilled', queueMs: expect.any(Number), prefillMs: expect.any(Number) })
  expect(rest.at(-1)).toMatchObject({ type: 'finish', hosts: [0, 1, 2] })
  const alone = await open(1)
  expect(must(await alone.run(greedyRequest([PROMPT], { maxTokens: 4 }))).at(-1)).toMatchObject({ hosts: [0] })
})
