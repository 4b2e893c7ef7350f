import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import { AWKWARD_FIXTURES, FIXTURES } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster } from './cluster.ts'

/** Requests that differ in all that decides on slots, pages and chunks. Prompts of 16k + 1 tokens end on a page of their own. */
const arbRequest = fc.record({
  length: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(15, 16, 17, 32, 33, 49)),
  seed: fc.nat(1000),
  maxTokens: fc.constantFrom(0, 1, 5, 15, 16, 17),
  n: fc.integer({ min: 1, max: 2 }),
  cancelled: fc.boolean(),
})

type Shape = typeof arbRequest extends fc.Arbitrary<infer T> ? T : never

function requestOf({ length, seed, maxTokens, n }: Shape): GenerateRequest {
  const prompt = Array.from({ length }, (_, i) => 3 + ((i * 7 + seed * 13) % 90))
  const sampling = { temperature: seed % 2, topK: 0, topP: 1, minP: 0, seed }
  return greedyRequest([prompt], { n, maxTokens, sampling, logprobs: 2, echo: true })
}

function run(cluster: Cluster, request: GenerateRequest, cancel: boolean): Promise<GenerateEvent[]> {
  return new Promise((resolve) => {
    const events: GenerateEvent[] = []
    const emit = (event: GenerateEvent) => {
      events.push(event)
      if (cancel) cluster.core.cancel(request.requestId, null)
    }
    must(cluster.core.generate(request, { emit, end: () => resolve(events) }))
  })
}

const packs = [...FIXTURES, ...AWKWARD_FIXTURES].filter(({ model }) => /^(qwen2_moe|qwen3_moe|granitemoeshared|mixtral_swa)(-awkward)?$/.test(model))

describe.each(packs)('$model', ({ pack }) => {
  it.each(['q8', 'q4', 'f32'] as const)('[NU2] [NU9] at %s every request has the bits it has alone, whoever shares its steps and pages', async (tier) => {
    const alone = await createCluster({ pack, tier, hosts: 1 })
    const busy = await createCluster({ pack, tier, hosts: 3, chunk: 5, shape: 'spread' })
    await fc.assert(
      fc.asyncProperty(fc.array(arbRequest, { minLength: 2, maxLength: 7 }), async (shapes) => {
        const requests = shapes.map(requestOf)
        const together = await Promise.all(requests.map((request, i) => run(busy, request, shapes[i]!.cancelled)))
        for (const [i, request] of requests.entries()) {
          if (shapes[i]!.cancelled) continue
          const again = await run(alone, { ...request, requestId: crypto.randomUUID() }, false)
          expect(byChoice(together[i]!)).toEqual(byChoice(again))
        }
        expect(busy.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
        expect([...busy.faults, ...alone.faults]).toEqual([])
      }),
      { numRuns: 8 },
    )
  })
})

/** Choices of one request may interleave differently; each in itself may not. */
function byChoice(events: readonly GenerateEvent[]): string[] {
  return [0, 1].map((index) => choiceBits(events, index))
}
