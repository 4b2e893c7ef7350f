import { expect, it } from 'vitest'
import type { GenerateEvent, LogitAdjustments, TokenLogprob } from '../../shared/protocol/engine-api.ts'
import { DEMO_PACK } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { ClusterOptions } from './cluster.ts'

const SAMPLED = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 7 }
const NEUTRAL: LogitAdjustments = { presencePenalty: 0, frequencyPenalty: 0, repetitionPenalty: 1, bias: [], minTokens: 0 }
const ALL: LogitAdjustments = { presencePenalty: 0.6, frequencyPenalty: 0.4, repetitionPenalty: 1.2, bias: [[50, 3.5], [7, -100]], minTokens: 30 } // prettier-ignore
/** Six prompts that together grow to 6 × 6 pages; each alone needs at most 6. */
const PROMPTS = Array.from({ length: 6 }, (_, p) => Array.from({ length: 20 + p * 3 }, (_, i) => 4 + ((i * 37 + p * 101) % 6000)))

const open = (options: Partial<ClusterOptions> = {}) => createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1, ...options })
const scored = (events: readonly GenerateEvent[]): TokenLogprob[] => events.flatMap((event) => (event.type === 'token' ? [event.logprob!] : []))
const said = (events: readonly GenerateEvent[], index = 0) => events.flatMap((event) => (event.type === 'token' && event.index === index ? [event.id] : []))

it('[SA4] [NU2] adjusted requests have the same bits preempted, cached, batched in other ways and alone', async () => {
  const request = greedyRequest(PROMPTS, { maxTokens: 60, sampling: SAMPLED, adjustments: ALL, stopTokens: [9], logprobs: 2 })
  const roomy = await open()
  const all = must(await roomy.run(request))
  const again = must(await roomy.run({ ...request, requestId: 'again' })) // from the prefix cache
  const cramped = await open({ kvPages: 9, chunk: 24, lanes: 2 })
  const preempted = must(await cramped.run(request))
  expect(cramped.core.counts().preemptions).toBeGreaterThan(0)
  for (const [index, prompt] of PROMPTS.entries()) {
    expect(choiceBits(preempted, index)).toBe(choiceBits(all, index))
    expect(choiceBits(again, index)).toBe(choiceBits(all, index))
    const alone = must(await roomy.run({ ...request, requestId: `alone ${index}`, prompts: [prompt] }))
    expect(said(alone)).toEqual(said(all, index))
    expect(scored(alone)).toEqual(all.flatMap((event) => (event.type === 'token' && event.index === index ? [event.logprob] : [])))
  }
  expect([...roomy.faults, ...cramped.faults]).toEqual([])
})

it("[SA3] [NU8] log-probabilities of adjusted tokens are the model's own: scoring the same text gives their bits", async () => {
  const cluster = await open()
  const prompt = PROMPTS[0]!
  const events = must(await cluster.run(greedyRequest([prompt], { maxTokens: 40, sampling: SAMPLED, adjustments: ALL, logprobs: 3 })))
  const text = [...prompt, ...said(events)]
  const scoring = must(await cluster.run(greedyRequest([text], { maxTokens: 0, echo: true, logprobs: 3 })))
  const whole = scoring.find((event) => event.type === 'prompt')!
  expect(scored(events)).toEqual(whole.tokens.slice(prompt.length))
})

it('[SA1] [SA2] greedy: presence, frequency and bias choose what the definition chooses of the best', async () => {
  const cluster = await open()
  const adjustments: LogitAdjustments = { ...NEUTRAL, presencePenalty: 1.5, frequencyPenalty: 0.75, bias: [[50, 2], [13, -100]] } // prettier-ignore
  const tokens = scored(must(await cluster.run(greedyRequest([PROMPTS[1]!], { maxTokens: 60, adjustments, logprobs: 20 }))))
  const bias = new Map(adjustments.bias)
  const counts = new Map<number, number>()
  const plain = said(must(await cluster.run(greedyRequest([PROMPTS[1]!], { maxTokens: 60 }))))
  expect(tokens.map(({ id }) => id)).not.toEqual(plain)
  for (const { id, top } of tokens) {
    const adjusted = top.map(([other, logprob]) => {
      const count = counts.get(other) ?? 0
      return { other, value: logprob + (bias.get(other) ?? 0) - 0.75 * count - (count > 0 ? 1.5 : 0) }
    })
    const best = adjusted.reduce((a, b) => (b.value > a.value ? b : a))
    expect(best.value).toBeGreaterThan(top.at(-1)![1]) // so that it is the best of the vocabulary: of those below none has a positive bias
    expect(id).toBe(best.other)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
})

it('[SA6] a stop token does not come before its time, and ends the sequence then', async () => {
  const cluster = await open()
  const request = greedyRequest([PROMPTS[2]!], { maxTokens: 30 })
  const [stop] = said(must(await cluster.run(request)))
  const stopping = { ...request, stopTokens: [stop!], adjustments: { ...NEUTRAL, minTokens: 5, bias: [[stop!, 100] as const] } }
  const events = must(await cluster.run({ ...stopping, requestId: 'late' }))
  expect(said(events)).toHaveLength(5)
  expect(said(events)).not.toContain(stop)
  expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'stop', completionTokens: 5 })
})

it('[SA7] adjustments out of bounds are refused before anything is allocated', async () => {
  const { run, info } = await open()
  const tooMany = Array.from({ length: 1025 }, (_, id) => [id, 1] as const)
  const wrong: [string, Partial<LogitAdjustments>][] = [
    ['presence_penalty', { presencePenalty: Number.NaN }],
    ['frequency_penalty', { frequencyPenalty: 2.5 }],
    ['repetition_penalty', { repetitionPenalty: 0 }],
    ['min_tokens', { minTokens: 1.5 }],
    ['logit_bias', { bias: [[info.vocab, 1]] }],
    ['logit_bias', { bias: [[5, Infinity]] }],
    ['logit_bias', { bias: [[5, 1], [5, 2]] }], // prettier-ignore
    ['logit_bias', { bias: tooMany }],
  ]
  for (const [param, change] of wrong) {
    const refused = await run(greedyRequest([[50]], { adjustments: { ...NEUTRAL, ...change } }))
    expect(refused).toMatchObject({ ok: false, error: { code: 'invalid-request', details: { param } } })
  }
  expect(await run(greedyRequest([[50]], { stopTokens: [info.vocab] }))).toMatchObject({ ok: false, error: { details: { param: 'stop_token_ids' } } })
})
