import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { HOST_LOST, scripted } from '../../../test/contract/fake-engine.ts'
import { testGateway } from '../../../test/contract/test-gateway.ts'

const EOS = 2
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }], stream: true }
const COMPLETION = { model: 'isomoe-demo', prompt: 'Once upon', stream: true }

const golden = (name: string) => readFileSync(new URL(`goldens/${name}.sse`, import.meta.url), 'utf8')
const says = (text: string) => scripted(demoCodec().encode(text, false), EOS)

describe('streams, byte by byte', () => {
  it('[AP4] a chat: the role, the text in whole characters, the reason, [DONE]', async () => {
    const { post } = testGateway({ nextToken: says('Hi 🙂!') })
    const response = await post('/v1/chat/completions', CHAT)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(await response.text()).toBe(golden('chat'))
  })

  it('[AP4] a chat of two choices with usage in a chunk of its own', async () => {
    const { post } = testGateway({ nextToken: says('Hi there') })
    const response = await post('/v1/chat/completions', { ...CHAT, n: 2, max_tokens: 2, stream_options: { include_usage: true } })
    expect(await response.text()).toBe(golden('chat-usage'))
  })

  it('[AP6] a completion with log-probabilities that ends before its stop string', async () => {
    const { post } = testGateway({ nextToken: says(' a time of peace') })
    const response = await post('/v1/completions', { ...COMPLETION, logprobs: 2, echo: true, return_token_ids: true, stop: [' of p', 'timer'] })
    expect(await response.text()).toBe(golden('completion-logprobs'))
  })

  it('[AP4] a failure in the middle: the error, and no [DONE]', async () => {
    const { post } = testGateway({ nextToken: says(' a time of peace'), failure: { afterSteps: 2, error: HOST_LOST } })
    expect(await (await post('/v1/completions', COMPLETION)).text()).toBe(golden('completion-error'))
  })
})
