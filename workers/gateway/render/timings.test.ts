import { describe, expect, it } from 'vitest'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { FAKE_TIMES, hashed, scripted } from '../../../test/contract/fake-engine.ts'
import { testGateway } from '../../../test/contract/test-gateway.ts'
import { timingsOf } from './timings.ts'

const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }], max_tokens: 6, ignore_eos: true, n: 2 }
const COMPLETION = { model: 'isomoe-demo', prompt: 'Once upon a time', max_tokens: 6, ignore_eos: true, n: 2 }
const WANTED = {
  queue_ms: FAKE_TIMES.prefill.queueMs,
  prefill_ms: FAKE_TIMES.prefill.prefillMs,
  decode_ms: FAKE_TIMES.decode.decodeMs,
  cached_tokens: 2,
  completion_tokens: 12,
  hosts: 2,
  tokens_per_second: 20,
}

interface Chunk {
  readonly choices: readonly { readonly finish_reason: string | null }[]
  readonly timings?: object
}

async function chunks(response: Response): Promise<Chunk[]> {
  const text = await response.text()
  return text.split('\n\n').flatMap((event) => (event.startsWith('data: {') ? [JSON.parse(event.slice(6)) as Chunk] : []))
}

describe.each([
  ['/v1/chat/completions', CHAT],
  ['/v1/completions', COMPLETION],
])('%s', (path, body) => {
  const gateway = () => testGateway({ nextToken: hashed(6000), cachedTokens: 2 })

  it('[MT5] an answer has timings when it is asked for them, and only then', async () => {
    const { post } = gateway()
    expect(((await (await post(path, { ...body, timings: true })).json()) as Chunk).timings).toMatchObject(WANTED)
    for (const timings of [undefined, null, false]) expect(await (await post(path, { ...body, timings })).json()).not.toHaveProperty('timings')
    expect((await post(path, { ...body, timings: 'yes' })).status).toBe(400)
  })

  it('[MT5] a stream has them once: with the last end of a choice, or with the usage', async () => {
    const { post } = gateway()
    const plain = await chunks(await post(path, { ...body, timings: true, stream: true }))
    expect(plain.filter(({ timings }) => timings)).toEqual([plain.at(-1)])
    expect(plain.at(-1)).toMatchObject({ timings: WANTED, choices: [{ finish_reason: 'length' }] })
    const withUsage = await chunks(await post(path, { ...body, timings: true, stream: true, stream_options: { include_usage: true } }))
    expect(withUsage.filter(({ timings }) => timings)).toEqual([withUsage.at(-1)])
    expect(withUsage.at(-1)).toMatchObject({ timings: WANTED, choices: [] })
    const without = await chunks(await post(path, { ...body, stream: true }))
    expect(without.filter(({ timings }) => timings)).toEqual([])
  })
})

it('[MT5] a choice that ends at a stop string is not waited for: its decode is what the gateway saw, its hosts are not known', async () => {
  let nowMs = 0
  const nextToken = scripted(demoCodec().encode(' a time of peace', false), 2)
  const { post } = testGateway({ nextToken, nowMs: () => (nowMs += 100) })
  const answer = await (await post('/v1/completions', { model: 'isomoe-demo', prompt: 'Once upon', stop: ' of', timings: true })).json()
  expect(answer).toMatchObject({ timings: { queue_ms: 3, prefill_ms: 20, hosts: null } })
  expect((answer as { timings: { decode_ms: number } }).timings.decode_ms).toBeGreaterThan(0)
})

it('[MT5] of choices that run at once the longest times count, and their hosts once', () => {
  const choice = (queueMs: number, decodeMs: number, completionTokens: number, hosts: readonly number[] | null) => ({
    completionTokens,
    cachedTokens: 0,
    timings: { queueMs, prefillMs: 10, decodeMs, hosts },
  })
  expect(timingsOf([{ ids: [1, 2] }], [choice(5, 100, 3, [0, 1]), choice(50, 80, 2, [1, 4])])).toEqual({
    queue_ms: 50,
    prefill_ms: 10,
    decode_ms: 100,
    prompt_tokens: 2,
    cached_tokens: 0,
    completion_tokens: 5,
    hosts: 3,
    tokens_per_second: 30,
  })
  expect(timingsOf([{ ids: [1] }], [choice(0, 0, 1, null)])).toMatchObject({ hosts: null, tokens_per_second: null })
})
