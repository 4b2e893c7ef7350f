import { afterEach, describe, expect, it, vi } from 'vitest'
import { CLIENTS } from '../../test/contract/clients/all-clients.ts'
import type { Client, Refusal } from '../../test/contract/clients/client.ts'
import { demoModel } from '../../test/contract/demo-model.ts'
import { hashed, HOST_LOST } from '../../test/contract/fake-engine.ts'
import { API_KEY, sha256 } from '../../test/contract/keyed-gateway.ts'
import { serveApp } from '../../test/contract/serve-app.ts'
import { testGateway } from '../../test/contract/test-gateway.ts'
import type { TestGatewayOptions } from '../../test/contract/test-gateway.ts'

const model = demoModel()
const QUESTION = { content: 'Tell me a story.', maxTokens: 8 }
const REQUESTS_PER_MIN = 3
/** When the fourth of three a minute may come. */
const RETRY_MS = 20_000

/** Where the API has no room for our codes. */
const MID_STREAM: Readonly<Record<string, string>> = { '@anthropic-ai/sdk': 'api_error', 'openai, responses': 'server_error' }

afterEach(() => vi.restoreAllMocks())

async function withGateway(options: TestGatewayOptions, limits: string, use: (gateway: ReturnType<typeof testGateway>, url: string) => Promise<void>) {
  const gateway = testGateway({
    model,
    nextToken: hashed(model.vocab),
    access: { ACCESS: 'loopback', API_KEYS: `alice:${sha256(API_KEY)}${limits}` },
    ...options,
  })
  const server = await serveApp(gateway.app.fetch)
  try {
    await use(gateway, server.url)
  } finally {
    await server.close()
  }
}

/** The wait that a 429 asks for passes at once, on the gateway's clock too. No other does: fetch has timers of its own. */
function passRetries(limiters: { nowMs: number }): void {
  const { setTimeout: real } = globalThis
  const passing = (fire: (...values: unknown[]) => void, ms = 0, ...values: unknown[]) => {
    if (ms < RETRY_MS || ms > RETRY_MS + 1000) return real(fire, ms, ...values)
    limiters.nowMs += ms
    return real(fire, 0, ...values)
  }
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(passing as typeof setTimeout)
}

describe.each(CLIENTS)('$name', (client) => {
  it('[CF3] waits as long as a 429 says, and is answered', async () => {
    await withGateway({}, `:rpm=${REQUESTS_PER_MIN}`, async ({ limiters, lines }, url) => {
      const served = { url, apiKey: API_KEY, model: model.name }
      for (let i = 0; i < REQUESTS_PER_MIN; i++) await client.ask(served, QUESTION)
      passRetries(limiters)
      expect((await client.ask(served, { ...QUESTION, retries: 1 })).text).not.toBe('')
      expect(lines.map(({ status }) => status)).toEqual([200, 200, 200, 429, 200])
    })
  })

  it('[CF3] without retries a 429 is its own error', async () => {
    await withGateway({}, ':rpm=1', async (_, url) => {
      const served = { url, apiKey: API_KEY, model: model.name }
      await client.ask(served, QUESTION)
      const code = client.api === 'openai' ? 'rate_limit_exceeded' : 'rate_limit_error'
      expect(await refusalOf(client, client.ask(served, QUESTION))).toEqual({ status: 429, code, param: null })
    })
  })

  it('[CF3] a failure in the middle of a stream comes behind the text, with its code', async () => {
    await withGateway({ failure: { afterSteps: 3, error: HOST_LOST } }, '', async (_, url) => {
      const served = { url, apiKey: API_KEY, model: model.name }
      let text = ''
      const read = async () => {
        for await (const piece of client.stream(served, QUESTION)) text += piece
      }
      const code = MID_STREAM[client.name] ?? 'host_unavailable'
      expect(await refusalOf(client, read())).toMatchObject({ code })
      expect(text).not.toBe('')
    })
  })
})

function refusalOf(client: Client, answer: Promise<unknown>): Promise<Refusal | null> {
  return answer.then(
    () => null,
    (error: unknown) => client.refusal(error),
  )
}
