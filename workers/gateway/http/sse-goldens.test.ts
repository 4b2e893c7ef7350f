import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { demoCodec, demoModel } from '../../../test/contract/demo-model.ts'
import { hashed, HOST_LOST, scripted } from '../../../test/contract/fake-engine.ts'
import { gatewayThatSays, THINKING_TEMPLATE, toolModel } from '../../../test/fixtures/tool-calls/tool-gateway.ts'
import { testGateway } from '../../../test/contract/test-gateway.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { chatOutputs, TWO_CALLS } from '../chat/testing/chat-outputs.ts'
import { messageEvents } from '../render/message-answer.ts'
import { responseEvents } from '../render/response-answer.ts'
import type { ResponseView } from '../render/response-object.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { ResponsesRequest } from '../schemas/responses-request.ts'

const EOS = 2
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }], stream: true }
const COMPLETION = { model: 'isomoe-demo', prompt: 'Once upon', stream: true }

const COMPLETION_ENDLESS = { ...COMPLETION, max_tokens: 90_000, ignore_eos: true }

const TOOLS = ['weather', 'time']

const golden = (name: string) => readFileSync(new URL(`goldens/${name}.sse`, import.meta.url), 'utf8')
const says = (text: string) => scripted(demoCodec().encode(text, false), EOS)

async function textOf(events: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const event of events) text += event
  return text
}

function parsed<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const request = parseRequest(schema, body)
  if (!request.ok) throw new Error(request.error.message)
  return request.value
}

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

  it('[TC4] a call of a tool: its id and name first, then its arguments as they come, then the reason', async () => {
    const model = toolModel(THINKING_TEMPLATE)
    const text = '<think>Hm.</think>Look. <tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    const { post } = gatewayThatSays(model, text)
    const tools = [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }]
    const response = await post('/v1/chat/completions', { ...CHAT, tools, stream_options: { include_usage: true } })
    expect(await response.text()).toBe(golden('chat-tool-call'))
  })

  it('[TC2] an answer in JSON that max_tokens cuts off: its text, and length', async () => {
    const { post } = testGateway({ nextToken: says('{"city": "Oslo", "days": 2}') })
    const response_format = { type: 'json_schema', json_schema: { name: 'forecast', strict: true, schema: { type: 'object' } } }
    expect(await (await post('/v1/chat/completions', { ...CHAT, response_format, max_tokens: 8 })).text()).toBe(golden('chat-json'))
  })

  it('[AP6] a completion with log-probabilities that ends before its stop string', async () => {
    const { post } = testGateway({ nextToken: says(' a time of peace') })
    const response = await post('/v1/completions', { ...COMPLETION, logprobs: 2, echo: true, return_token_ids: true, stop: [' of p', 'timer'] })
    expect(await response.text()).toBe(golden('completion-logprobs'))
  })

  it('[AP11] a response: created, the item and its text in whole characters, completed', async () => {
    const { post } = testGateway({ nextToken: says('Hi 🙂!'), cachedTokens: 3 })
    const response = await post('/v1/responses', { model: 'isomoe-demo', input: 'hi', instructions: 'Be short.', stream: true })
    expect(await response.text()).toBe(golden('responses'))
  })

  it('[AP11] a response that says something and calls two tools', async () => {
    const request = parsed(ResponsesRequest, { model: 'isomoe-demo', input: 'hi', tools: TOOLS.map((name) => ({ type: 'function', name })) })
    const view: ResponseView = {
      requestId: '00000001',
      createdAt: 1_800_000_000,
      model: 'isomoe-demo',
      request,
      temperature: 1,
      topP: 1,
      codec: demoCodec(),
      prompt: { ids: Array<number>(20).fill(5), text: null },
      logprobs: false,
    }
    expect(await textOf(responseEvents(view, chatOutputs(TWO_CALLS), () => 1_800_000_001))).toBe(golden('responses-tools'))
  })

  it('[AP13] a message: start, ping, the block and its text in whole characters, the reason with its stop sequence', async () => {
    const { post } = testGateway({ nextToken: says('Hi 🙂!'), cachedTokens: 3 })
    const response = await post('/v1/messages', {
      model: 'isomoe-demo',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'hi' }],
      stop_sequences: ['!'],
      stream: true,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(await response.text()).toBe(golden('messages'))
  })

  it('[AP13] a message that says something and uses two tools', async () => {
    const view = { requestId: '00000001', model: 'isomoe-demo', promptTokens: 20, maxTokens: 64 }
    expect(await textOf(messageEvents(view, chatOutputs(TWO_CALLS)))).toBe(golden('messages-tools'))
  })

  it('[AP14] a message that fails in the middle: an error event, and nothing behind it', async () => {
    const { post } = testGateway({ nextToken: says(' a time of peace'), failure: { afterSteps: 2, error: HOST_LOST } })
    const response = await post('/v1/messages', { model: 'isomoe-demo', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }], stream: true })
    expect(await response.text()).toBe(golden('messages-error'))
  })

  it('[AP4] completions of two choices with usage in a chunk of its own', async () => {
    const { post } = testGateway({ nextToken: says(' a time') })
    const response = await post('/v1/completions', { ...COMPLETION, n: 2, max_tokens: 2, stream_options: { include_usage: true } })
    expect(await response.text()).toBe(golden('completion-usage'))
  })

  it('[AP4] a chat that fails in the middle: the error, and no [DONE]', async () => {
    const { post } = testGateway({ nextToken: says('Hi there'), failure: { afterSteps: 2, error: HOST_LOST } })
    expect(await (await post('/v1/chat/completions', CHAT)).text()).toBe(golden('chat-error'))
  })

  it('[AP11] a response that fails in the middle: failed, with its error', async () => {
    const { post } = testGateway({ nextToken: says('Hi there'), failure: { afterSteps: 2, error: HOST_LOST } })
    const response = await post('/v1/responses', { model: 'isomoe-demo', input: 'hi', stream: true })
    expect(await response.text()).toBe(golden('responses-error'))
  })

  it('[SC7] a completion whose client does not read: the error behind what it left, and no [DONE]', async () => {
    const model = { ...demoModel(), contextTokens: 100_000 }
    const { post, timer } = testGateway({ model, nextToken: hashed(model.vocab) })
    const response = await post('/v1/completions', COMPLETION_ENDLESS)
    while (timer.pending() < 2) await new Promise(setImmediate) // of what waits at all, and of the grace
    await timer.pass(LIMITS.unreadGraceMs)
    expect((await response.text()).split('\n\n').slice(-2).join('\n\n')).toBe(golden('slow-reader'))
  })

  it('[AP4] a failure in the middle: the error, and no [DONE]', async () => {
    const { post } = testGateway({ nextToken: says(' a time of peace'), failure: { afterSteps: 2, error: HOST_LOST } })
    expect(await (await post('/v1/completions', COMPLETION)).text()).toBe(golden('completion-error'))
  })
})
