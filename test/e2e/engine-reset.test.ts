import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { valueOf } from '../fixtures/exposition.ts'
import type { Exposition } from '../fixtures/exposition.ts'
import { DEMO_PACK } from './pack-fixtures.ts'
import { startResettableCluster } from './resettable-cluster.ts'
import type { ResettableCluster } from './resettable-cluster.ts'
import { quietMetrics, wentBack } from './scrape.ts'

const MODEL = 'isomoe-demo'
const POLLS_MAX = 400

let cluster: ResettableCluster
let client: OpenAI

async function start(processes: number): Promise<void> {
  cluster = await startResettableCluster(DEMO_PACK, 2, processes)
  client = new OpenAI({ baseURL: `${cluster.url}/v1`, apiKey: 'none', maxRetries: 0 })
  for (let polls = 0; (await fetch(`${cluster.url}/health`)).status !== 200; polls++) if (polls > 10_000) throw new Error('it never gets ready')
}

const REQUEST = {
  model: MODEL,
  prompt: ['Once upon a time', 'The quick brown fox'],
  n: 2,
  max_tokens: 120,
  temperature: 0.8,
  seed: 11,
  logprobs: 2,
  stop: ['zebra'],
  stream_options: { include_usage: true },
} as const

type Chunk = OpenAI.Completion

/** Of each choice its text and log-probabilities; the engine is lost when so many chunks have come. */
async function streamed(losses: readonly number[], lose: () => void | Promise<void>) {
  const stream = await client.completions.create({ ...REQUEST, prompt: [...REQUEST.prompt], stop: [...REQUEST.stop], stream: true })
  const choices = Array.from({ length: 4 }, () => ({ text: '', tokens: [] as unknown[], logprobs: [] as unknown[], reason: '' as string | null }))
  let usage: Chunk['usage']
  let chunks = 0
  let done = 0
  for await (const chunk of stream) {
    for (const { index, text, logprobs, finish_reason: reason } of chunk.choices) {
      const choice = choices[index]!
      choice.text += text
      choice.tokens.push(...(logprobs?.tokens ?? []))
      choice.logprobs.push(...(logprobs?.token_logprobs ?? []))
      choice.reason = reason
    }
    usage = chunk.usage ?? usage
    if (losses.includes(chunks++)) {
      await lose()
      done++
    }
  }
  expect(done).toBe(losses.length)
  return { choices, completionTokens: usage?.completion_tokens }
}

const never = (): void => undefined

describe('an engine whose object is reset', () => {
  beforeAll(() => start(1))
  afterAll(() => cluster.stop())

  it('[JR3] [JR6] a stream through two resets of the engine is the stream without them', async () => {
    const whole = await streamed([], never)
    expect(await streamed([20, 90], () => cluster.resetEngine())).toEqual(whole)
  })

  it('[JR3] [JR6] and so is one whose record is lost with the engine, and then the engine again', async () => {
    const whole = await streamed([], never)
    const losses = [() => cluster.resetEngineWithoutRecord(), () => cluster.resetEngine()]
    expect(await streamed([20, 90], () => losses.shift()!())).toEqual(whole)
  })

  it('[JR3] an answer in one piece and a chat survive a reset of the engine', async () => {
    const completion = { model: MODEL, prompt: 'Once upon a time', max_tokens: 600, temperature: 0.7, seed: 5, n: 3 }
    const chat = { model: MODEL, messages: [{ role: 'user' as const, content: 'Tell me a story.' }], max_tokens: 300, temperature: 0 }
    const ask = async (text: (content: unknown) => unknown) => [
      text((await client.completions.create(completion)).choices),
      text((await client.chat.completions.create(chat)).choices),
    ]
    const whole = await ask((choices) => choices)
    const again = ask((choices) => choices)
    await untilRunning()
    await cluster.resetEngine()
    expect(await again).toEqual(whole)
  })

  it('[MT2] sums do not go back when the engine is reset under its requests, and go on', async () => {
    const tokens = (page: Exposition) => valueOf(page, 'isomoe:generation_tokens_total')!
    const before = await quietMetrics(cluster.url, (page) => tokens(page) > 0)
    await streamed([40], () => cluster.resetEngine())
    const after = await quietMetrics(cluster.url, (page) => tokens(page) > tokens(before)) // ends: they go on
    expect(wentBack(before, after)).toEqual([])
  })

  it('[JR2] nothing stays in the journal when all is answered', async () => {
    for (let polls = 0; (await cluster.storedKeys()) > 1; polls++) expect(polls).toBeLessThan(POLLS_MAX) // the time of the last write
  })
})

describe('an engine whose process is killed', () => {
  beforeAll(() => start(3))
  afterAll(() => cluster.stop())

  it('[JR1] [JR3] [JR6] a stream goes on from what the disk has', async () => {
    const whole = await streamed([], never)
    expect(await streamed([60], () => cluster.killEngine())).toEqual(whole)
  })
})

async function untilRunning(): Promise<void> {
  for (let polls = 0; polls < POLLS_MAX; polls++) {
    const { running, steps } = (await (await fetch(`${cluster.url}/admin/state`)).json()) as { running: number; steps: number }
    if (running > 0 && steps > 20) return
  }
  throw new Error('nothing runs')
}
