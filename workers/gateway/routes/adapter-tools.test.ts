import { expect, it } from 'vitest'
import { gatewayThatSays, HERMES_TEMPLATE, THINKING_TEMPLATE, toolModel } from '../../../test/fixtures/tool-calls/tool-gateway.ts'
import { moeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { outcome } from '../../../test/contract/test-gateway.ts'

const MODEL = toolModel(HERMES_TEMPLATE)
const CALL = 'Look.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const RESPONSE = { model: 'isomoe-demo', input: 'hi', tools: [{ type: 'function', name: 'get_weather', parameters: SCHEMA }] }
const MESSAGE = { model: 'isomoe-demo', max_tokens: 64, messages: [{ role: 'user', content: 'hi' }], tools: [{ name: 'get_weather', input_schema: SCHEMA }] }

async function eventsOf(response: Response): Promise<{ type: string }[]> {
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '))
  return lines.map((line) => JSON.parse(line.slice('data: '.length)) as { type: string })
}

it('[AP11] a call that the model writes is a function_call of a response, whole and in events', async () => {
  const answer = await (await gatewayThatSays(MODEL, CALL).post('/v1/responses', RESPONSE)).json()
  expect(answer).toMatchObject({
    status: 'completed',
    output: [
      { type: 'message', content: [{ text: 'Look.' }] },
      { type: 'function_call', status: 'completed', call_id: expect.stringMatching(/^call_/) as string, name: 'get_weather', arguments: '{"city": "Oslo"}' },
    ],
  })
  const events = await eventsOf(await gatewayThatSays(MODEL, CALL).post('/v1/responses', { ...RESPONSE, stream: true }))
  expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: answer as object })
  expect(events.map(({ type }) => type)).toContain('response.function_call_arguments.delta')
})

it('[AP13] and a tool_use of a message', async () => {
  const answer = await (await gatewayThatSays(MODEL, CALL).post('/v1/messages', MESSAGE)).json()
  expect(answer).toMatchObject({
    stop_reason: 'tool_use',
    content: [
      { type: 'text', text: 'Look.' },
      { type: 'tool_use', id: expect.stringMatching(/^call_/) as string, name: 'get_weather', input: { city: 'Oslo' } },
    ],
  })
  const cut = await (await gatewayThatSays(MODEL, CALL).post('/v1/messages', { ...MESSAGE, max_tokens: 24 })).json()
  expect(cut).toMatchObject({ stop_reason: 'max_tokens' })
  const events = await eventsOf(await gatewayThatSays(MODEL, CALL).post('/v1/messages', { ...MESSAGE, stream: true }))
  expect(events.filter(({ type }) => type === 'content_block_start')).toMatchObject([
    { content_block: { type: 'text' } },
    { content_block: { name: 'get_weather' } },
  ])
  expect(events.at(-2)).toMatchObject({ type: 'message_delta', delta: { stop_reason: 'tool_use' } })
})

it('[AP11] [AP13] what is asked of the engine is the same by each API', async () => {
  const chat = { model: 'isomoe-demo', messages: MESSAGE.messages, tools: [{ type: 'function', function: { name: 'get_weather', parameters: SCHEMA } }], seed: 1, max_tokens: 64 } // prettier-ignore
  const { engine, post } = gatewayThatSays(MODEL, CALL)
  await post('/v1/chat/completions', chat)
  await post('/v1/responses', { ...RESPONSE, seed: 1, max_output_tokens: 64 })
  await post('/v1/messages', { ...MESSAGE, seed: 1 })
  const [first, ...others] = engine.requests.map((request) => ({ ...request, requestId: 'one' }))
  expect(others).toEqual([first, first])
  expect(first?.prompts[0]?.length).toBeGreaterThan(20)
  const counted = await (await post('/v1/messages/count_tokens', { model: MESSAGE.model, messages: MESSAGE.messages, tools: MESSAGE.tools })).json()
  expect(counted).toEqual({ input_tokens: first?.prompts[0]?.length })
})

it('[AP11] [AP13] a thought is not shown, and its tokens are told apart', async () => {
  const thinking = toolModel(THINKING_TEMPLATE)
  const thought = '<think>Hm, Oslo.</think>'
  const tokens = thinking.codec?.encode(thought, false).length
  const usageOf = async (text: string) => {
    const answer: { output: unknown; usage: object } = await (
      await gatewayThatSays(thinking, text).post('/v1/responses', { model: 'isomoe-demo', input: 'hi' })
    ).json()
    expect(answer.output).toMatchObject([{ type: 'message', content: [{ text: 'Look.' }] }])
    return answer.usage
  }
  expect(await usageOf(`${thought}Look.`)).toMatchObject({ output_tokens_details: { reasoning_tokens: tokens } })
  expect(await usageOf('Look.')).toMatchObject({ output_tokens_details: { reasoning_tokens: 0 } })
  const message = await (await gatewayThatSays(thinking, `${thought}Look.`).post('/v1/messages', MESSAGE)).json()
  expect(message).toMatchObject({ content: [{ type: 'text', text: 'Look.' }] })
})

it('[AP1] what is refused is named as each API names it', async () => {
  const { grammar, post } = gatewayThatSays(MODEL, '{}')
  const refused = async (path: string, body: object) => (await outcome(post(path, body))).param
  grammar.failure = moeError('invalid-request', 'too large', { param: 'tools', reason: 'unsupported_parameter' })
  const format = { type: 'json_schema', name: 'x', schema: SCHEMA }
  const chat = { model: 'isomoe-demo', messages: MESSAGE.messages, response_format: { type: 'json_schema', json_schema: { name: 'x', schema: SCHEMA } } }
  expect(await refused('/v1/chat/completions', chat)).toBe('response_format')
  expect(await refused('/v1/responses', { ...RESPONSE, tools: [], text: { format } })).toBe('text.format')
  expect(await refused('/v1/responses', { ...RESPONSE, tool_choice: 'required' })).toBe('tools')
  const wide = gatewayThatSays({ ...MODEL, contextTokens: 1 << 20 }, '{}')
  const long = { model: 'isomoe-demo', input: 'a'.repeat(LIMITS.promptCharsMax + 1) }
  expect(await outcome(wide.post('/v1/responses', long))).toMatchObject({ status: 400, param: 'input' })
  const many = { model: 'isomoe-demo', input: 'hi', top_logprobs: 20, max_output_tokens: 1 << 20 }
  expect(await outcome(wide.post('/v1/responses', many))).toMatchObject({ status: 400, param: 'top_logprobs' })
})

it('[AP12] a schema for the answer goes with each', async () => {
  const { engine, post } = gatewayThatSays(MODEL, '{}')
  await post('/v1/responses', { model: 'isomoe-demo', input: 'hi', text: { format: { type: 'json_schema', name: 'x', schema: SCHEMA } } })
  await post('/v1/messages', { ...MESSAGE, tools: [], output_config: { format: { type: 'json_schema', schema: SCHEMA } } })
  expect(engine.requests.map(({ grammar }) => grammar?.kind)).toEqual(['json-schema', 'json-schema'])
  expect(await outcome(post('/v1/responses', { ...RESPONSE, tool_choice: 'required', tools: [] }))).toMatchObject({ status: 400, param: 'tool_choice' })
})
