import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerAnthropicContract } from '../contract/anthropic-contract.ts'
import { registerOpenAiContract } from '../contract/openai-contract.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'

const MODEL = 'isomoe-demo'

let instance: Instance

beforeAll(async () => {
  instance = await startInstance([])
})

afterAll(async () => {
  expect(await instance.stop()).toBe(0)
  await expect(fetch(`${instance.url}/health`)).rejects.toThrow() // Ctrl-C stopped everything
})

it('[AP15] /openapi.json is made in workerd', async () => {
  const document = (await (await fetch(`${instance.url}/openapi.json`)).json()) as { openapi: string; paths: object }
  expect(document.openapi).toBe('3.1.0')
  expect(Object.keys(document.paths)).toContain('/v1/messages')
})

describe('the openai client', () => registerOpenAiContract(() => instance.url, MODEL))
describe('the Anthropic client', () => registerAnthropicContract(() => instance.url, MODEL))

function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return fetch(instance.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  })
}

async function running(): Promise<{ running: number; waiting: number; steps: number }> {
  return (await (await fetch(`${instance.url}/admin/state`)).json()) as { running: number; waiting: number; steps: number }
}

/** The state once nothing runs: what an earlier test left has to go first. */
async function idle(): Promise<{ running: number; waiting: number; steps: number }> {
  let state = await running()
  for (let polls = 0; state.running > 0 && polls < 400; polls++) state = await running()
  return state
}

it('[CL3] prints one ready line and a curl that works as it stands', () => {
  expect(instance.printed).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+ isomoe-demo q8 on 4 hosts$/m)
  expect(instance.printed).toMatch(/curl -N http:\/\/127\.0\.0\.1:\d+\/v1\/completions -H 'content-type: application\/json' -d '\{.*"stream":true\}'/)
})

it('[SC6] answers /health while 8 streams run', async () => {
  const stop = new AbortController()
  const streams = await Promise.all(
    Array.from({ length: 8 }, (_, seed) =>
      post('/v1/completions', { model: MODEL, prompt: 'Once upon a time', max_tokens: 900, seed, stream: true, ignore_eos: true }, stop.signal),
    ),
  )
  const readers = streams.map((stream) => stream.body!.getReader())
  for (const reader of readers) expect((await reader.read()).done).toBe(false)
  for (let i = 0; i < 5; i++) {
    expect((await fetch(`${instance.url}/health`)).status).toBe(200)
    expect((await running()).running).toBe(8) // it did not wait for them
  }
  stop.abort()
  await Promise.allSettled(readers.map((reader) => reader.cancel()))
})

it('[AP10] tokens reach the client as the engine makes them', async () => {
  const before = (await idle()).steps
  const stream = await post('/v1/completions', { model: MODEL, prompt: 'Once upon a time', max_tokens: 900, temperature: 0, stream: true, ignore_eos: true })
  let events = 0
  let lagMax = 0
  for await (const chunk of stream.body!) {
    events += new TextDecoder().decode(chunk).split('data: {').length - 1
    if (events % 50 < 10) lagMax = Math.max(lagMax, (await running()).steps - before - events)
  }
  expect(events).toBeGreaterThan(800)
  expect(lagMax).toBeLessThan(100) // what is made while one question is asked; a stream that lags falls hundreds behind
})

it('[AP8] a client that goes away ends its sequence within a step, streamed or not', async () => {
  for (const stream of [true, false]) {
    const before = (await idle()).steps
    const stop = new AbortController()
    const answer = post('/v1/completions', { model: MODEL, prompt: 'Once upon a time', max_tokens: 1000, stream, ignore_eos: true }, stop.signal)
    while ((await running()).running === 0) await new Promise(setImmediate)
    stop.abort()
    await answer.then((response) => response.body?.cancel()).catch(() => undefined) // the abort is ours
    const state = await idle()
    expect(state).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
    expect(state.steps - before).toBeLessThan(400) // of 1,000: it did not just come to its end
  }
})

it('[NU2] the same bits over HTTP at 1, 2 and 5 hosts, alone and among 16', async () => {
  const prompts = ['Once upon a time', 'def main():\n    ', 'Es war einmal', 'What is 12 plus 7?']
  const body = { model: MODEL, max_tokens: 24, temperature: 0.8, seed: 11, logprobs: 3, return_token_ids: true, ignore_eos: true }
  const complete = async (url: string, prompt: string | string[]) => {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, prompt }),
    })
    const { choices } = (await response.json()) as { choices: { text: string; token_ids: number[]; logprobs: unknown }[] }
    return choices.map(({ text, token_ids, logprobs }) => JSON.stringify([text, token_ids, logprobs]))
  }
  const alone = (await Promise.all(prompts.map((prompt) => complete(instance.url, prompt)))).flat()
  expect(alone[0]).not.toBe(alone[1])
  expect(await complete(instance.url, [...prompts, ...prompts, ...prompts, ...prompts])).toEqual([...alone, ...alone, ...alone, ...alone])
  for (const hosts of [1, 2, 5]) {
    const other = await startInstance(['--hosts', String(hosts), '--chunk', '7', ...(hosts === 5 ? ['--placement', 'spread'] : [])])
    try {
      expect(await complete(other.url, prompts)).toEqual(alone)
    } finally {
      await other.stop()
    }
  }
})
