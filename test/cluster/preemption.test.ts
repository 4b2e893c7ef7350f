import { expect, it } from 'vitest'
import { DEMO_PACK } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'

/** Six prompts that together grow to 6 × 6 pages; each alone needs at most 6. */
const PROMPTS = Array.from({ length: 6 }, (_, p) => Array.from({ length: 20 + p * 3 }, (_, i) => 4 + ((i * 37 + p * 101) % 6000)))
const SAMPLED = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 7 }
const request = greedyRequest(PROMPTS, { maxTokens: 60, sampling: SAMPLED, logprobs: 2, echo: true })

const open = (kvPages?: number) => createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1, chunk: 24, ...(kvPages ? { kvPages } : {}) })

it.each([6, 9, 17])('[SC8] [NU2] with %i pages sequences are preempted and computed again: every event once, the same bits', async (kvPages) => {
  const roomy = await open()
  const all = must(await roomy.run(request))
  expect(roomy.core.counts()).toMatchObject({ preemptions: 0 })
  const cramped = await open(kvPages)
  const again = must(await cramped.run(request))
  for (const index of PROMPTS.keys()) {
    expect(choiceBits(again, index)).toBe(choiceBits(all, index))
  }
  const generatedTokens = again.filter(({ type }) => type === 'token').length // none twice, though some were computed again
  expect(generatedTokens).toBeGreaterThan(0)
  expect(cramped.core.counts()).toMatchObject({ generatedTokens })
  if (kvPages > 6) expect(cramped.core.counts().preemptions).toBeGreaterThan(0)
  expect(cramped.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0, kvPagesTotal: kvPages })
  expect(cramped.faults).toEqual([])
})

it('[SC2] when pages run out the oldest finish first, and all are answered', async () => {
  const cluster = await open(8)
  const equal = greedyRequest(
    Array.from({ length: 7 }, (_, p) => [50, 90 + p]),
    { requestId: 'equal', maxTokens: 100 },
  )
  const finished: number[] = []
  await new Promise<void>((resolve) => {
    must(cluster.core.generate(equal, { emit: (event) => event.type === 'finish' && finished.push(event.index), end: resolve }))
  })
  expect(finished).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(cluster.core.counts().preemptions).toBeGreaterThan(0)
})

it('[AP3] a request that fits the pages alone runs, one that does not is refused', async () => {
  const cluster = await open(5)
  expect(cluster.info.contextTokens).toBe(80)
  const prompt = Array.from({ length: 79 }, (_, i) => 4 + i)
  const events = must(await cluster.run(greedyRequest([prompt], { maxTokens: null })))
  expect(events.map((event) => event.type)).toEqual(['prefilled', 'token', 'finish'])
  expect(await cluster.run(greedyRequest([[...prompt, 9]], { maxTokens: 1 }))).toMatchObject({ ok: false, error: { code: 'context-length-exceeded' } })
})
