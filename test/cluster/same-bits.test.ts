import { describe, expect, it } from 'vitest'
import { DEMO_PACK } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster, ClusterOptions } from './cluster.ts'

/** Prompts of several lengths, so that chunks of 7 and 64 cut them in different places. */
const PROMPTS = [3, 40, 71, 130].map((length, p) => Array.from({ length }, (_, i) => 4 + ((i * 37 + p * 101) % 6000)))
const SAMPLED = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 7 }

const request = () => greedyRequest(PROMPTS, { n: 2, maxTokens: 12, sampling: SAMPLED, logprobs: 3, echo: true })

async function choices(cluster: Cluster): Promise<string[]> {
  const events = must(await cluster.run(request()))
  return PROMPTS.flatMap((_, p) => [choiceBits(events, 2 * p), choiceBits(events, 2 * p + 1)])
}

const tiers = ['q8', 'q4'] as const
const variants: readonly (readonly [name: string, options: Partial<ClusterOptions>])[] = [
  ['2 hosts', { hosts: 2 }],
  ['5 hosts', { hosts: 5 }],
  ['5 hosts, every layer over all of them', { hosts: 5, shape: 'spread' }],
  ['prompt chunks of 1', { chunk: 1 }],
  ['prompt chunks of 7', { chunk: 7 }],
  ['kernels without relaxed SIMD', { kernels: 'plain' }],
  ['kernels of 16-bit dots', { kernels: 'i16' }],
]

describe.each(tiers)('tier %s', (tier) => {
  const open = (options: Partial<ClusterOptions>) => createCluster({ pack: DEMO_PACK, tier, hosts: 1, ...options })

  it.each(variants)('[NU2] one host, chunks of 64: the same bits as %s', async (_name, options) => {
    const [plain, other] = [await choices(await open({})), await choices(await open(options))]
    expect(plain).toHaveLength(8)
    expect(other).toEqual(plain)
  })

  it('[NU2] a q4 trunk gives one result for any hosts and chunks, and not that of the q8 trunk', async () => {
    const [one, five] = [await choices(await open({ trunk: 'q4' })), await choices(await open({ trunk: 'q4', hosts: 5, chunk: 7, kernels: 'plain' }))]
    expect(five).toEqual(one)
    expect(one).not.toEqual(await choices(await open({})))
  })

  it('[NU2] a prompt gives the same bits alone and among 16', async () => {
    const together = must(
      await (
        await open({ hosts: 2 })
      ).run(greedyRequest([...PROMPTS, ...PROMPTS, ...PROMPTS, ...PROMPTS], { maxTokens: 12, sampling: SAMPLED, logprobs: 3, echo: true })),
    )
    for (const [p, prompt] of PROMPTS.entries()) {
      const alone = must(await (await open({})).run(greedyRequest([prompt], { maxTokens: 12, sampling: SAMPLED, logprobs: 3, echo: true })))
      const reindexed = (index: number) => choiceBits(together, index).replaceAll(`"index":${index},`, '"index":0,')
      for (const index of [p, p + 4, p + 8, p + 12]) expect(reindexed(index)).toBe(choiceBits(alone, 0))
    }
  })
})
