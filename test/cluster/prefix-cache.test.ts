import { describe, expect, it } from 'vitest'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import { DEMO_PACK, fixturePack } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster, ClusterOptions } from './cluster.ts'

const PROMPT = Array.from({ length: 100 }, (_, i) => 4 + ((i * 37) % 6000))
const SAMPLED = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 7 }
const requestOf = (prompts: readonly (readonly number[])[], rest: Partial<GenerateRequest> = {}) =>
  greedyRequest(prompts, { maxTokens: 20, sampling: SAMPLED, logprobs: 3, ...rest })

const open = (options: Partial<ClusterOptions> = {}) => createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1, ...options })

function cachedOf(events: readonly GenerateEvent[]): number[] {
  return events
    .filter((event) => event.type === 'prefilled')
    .toSorted((a, b) => a.index - b.index)
    .map((event) => event.cachedTokens)
}

const answer = async (cluster: Cluster, request: GenerateRequest) => must(await cluster.run({ ...request, requestId: crypto.randomUUID() }))

describe.each(['q8', 'q4'] as const)('tier %s', (tier) => {
  it('[SC9] [NU2] a prompt that was seen is read from the cache but for its last page, with the bits it had', async () => {
    const cluster = await open({ tier })
    const first = await answer(cluster, requestOf([PROMPT]))
    expect(cachedOf(first)).toEqual([0])
    expect(cluster.core.counts()).toMatchObject({ kvPagesUsed: 0, kvPagesCached: 7 }) // 119 positions were computed
    const again = await answer(cluster, requestOf([PROMPT]))
    expect(cachedOf(again)).toEqual([96])
    expect(choiceBits(again, 0)).toBe(choiceBits(first, 0))
    const off = await open({ tier, prefixCache: false })
    for (let i = 0; i < 2; i++) {
      const plain = await answer(off, requestOf([PROMPT]))
      expect(cachedOf(plain)).toEqual([0])
      expect(choiceBits(plain, 0)).toBe(choiceBits(first, 0))
    }
    expect(off.core.counts()).toMatchObject({ kvPagesCached: 0, cachedTokens: 0 })
  })
})

it('[SC9] what was generated is found by the next turn of the conversation, to the same bits', async () => {
  const cluster = await open()
  const first = await answer(cluster, requestOf([PROMPT], { maxTokens: 60 }))
  const said = first.flatMap((event) => (event.type === 'token' ? [event.id] : []))
  const turn = requestOf([[...PROMPT, ...said, 5, 6, 7]])
  const second = await answer(cluster, turn)
  expect(cachedOf(second)).toEqual([144]) // 159 positions had been computed: nine whole pages
  expect(choiceBits(second, 0)).toBe(choiceBits(await answer(await open(), turn), 0))
})

it('[SC9] at least the last token is computed, and a scored prompt is computed whole', async () => {
  const cluster = await open()
  const even = PROMPT.slice(0, 96)
  await answer(cluster, requestOf([even]))
  expect(cachedOf(await answer(cluster, requestOf([even])))).toEqual([80])
  const scored = requestOf([even], { echo: true })
  const events = await answer(cluster, scored)
  expect(cachedOf(events)).toEqual([0])
  expect(choiceBits(events, 0)).toBe(choiceBits(await answer(await open({ prefixCache: false }), scored), 0))
})

it('[SC9] choices and prompts of one request share their prefill: only the first computes it', async () => {
  const cluster = await open({ chunk: 24 })
  const request = requestOf([PROMPT, PROMPT.with(70, 9)], { n: 3 })
  const events = await answer(cluster, request)
  expect(cachedOf(events)).toEqual([0, 96, 96, 64, 96, 96])
  const off = await open({ prefixCache: false })
  const plain = await answer(off, request)
  for (let index = 0; index < 6; index++) expect(choiceBits(events, index)).toBe(choiceBits(plain, index))
})

it('[SC9] [NU2] choices of a prompt shorter than a page compute it each for themselves, and are what they are without a cache', async () => {
  const cluster = await open()
  const request = requestOf([PROMPT.slice(0, 16)], { n: 3 })
  const events = await answer(cluster, request)
  expect(cachedOf(events)).toEqual([0, 0, 0])
  expect(cachedOf(await answer(cluster, requestOf([PROMPT.slice(0, 17)], { n: 3 })))).toEqual([16, 16, 16]) // the page that the first request left
  const plain = await answer(await open({ prefixCache: false }), request)
  for (let index = 0; index < 3; index++) expect(choiceBits(events, index)).toBe(choiceBits(plain, index))
  expect(new Set([0, 1, 2].map((index) => choiceBits(events, index).replaceAll(`"index":${index}`, ''))).size).toBe(3)
})

it('[SC9] a step that fails publishes nothing, and what was cached before stays right', async () => {
  let calls = 0
  let failAt = Infinity
  const cluster = await createCluster({
    pack: fixturePack('qwen3_moe'),
    tier: 'f32',
    hosts: 2,
    chunk: 8, // twice that in a step that only reads a prompt: a page
    wrapSession: (session) => ({
      ...session,
      async run(frame) {
        const reply = await session.run(frame)
        if (++calls === failAt) reply[4]! ^= 1 // another version: never retried
        return reply
      },
    }),
  })
  const prompt = Array.from({ length: 60 }, (_, i) => 3 + ((i * 7) % 90))
  const request = greedyRequest([prompt], { maxTokens: 8, logprobs: 2 })
  const undisturbed = await answer(await createCluster({ pack: fixturePack('qwen3_moe'), tier: 'f32', hosts: 2 }), request)
  failAt = 7 // in the second step, whose layers have two calls each
  expect((await answer(cluster, request)).at(-1)).toMatchObject({ type: 'error' })
  const cached = cluster.core.counts().kvPagesCached
  expect(cached).toBe(cluster.core.counts().steps - 1) // a page of each step before
  failAt = Infinity
  const after = await answer(cluster, request)
  expect(cachedOf(after)).toEqual([cached * 16])
  expect(choiceBits(after, 0)).toBe(choiceBits(undisturbed, 0))
})
