import { describe, expect, it } from 'vitest'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { HOST_LOST, scripted } from '../../../test/contract/fake-engine.ts'
import { testGateway } from '../../../test/contract/test-gateway.ts'
import { moeError } from '../../../shared/protocol/errors.ts'
import { messagesCall } from '../chat/messages-call.ts'
import { MessagesRequest } from '../schemas/messages-request.ts'
import { parseRequest } from '../schemas/parse-request.ts'

const PATH = '/v1/messages'
const BASE = { model: 'isomoe-demo', max_tokens: 64, messages: [{ role: 'user', content: 'hi' }] }
const TOOL = { name: 'weather', description: 'Of a city.', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }
const says = (text: string) => scripted(demoCodec().encode(text, false), 2)

const callOf = (fields: object) => {
  const parsed = parseRequest(MessagesRequest, { ...BASE, ...fields })
  if (!parsed.ok) throw new Error(parsed.error.message)
  return messagesCall(parsed.value)
}

/** Status and error of an answer in Anthropic's envelope. */
async function refusal(response: Response | Promise<Response>) {
  const { status, headers } = await response
  const body = (await (await response).json()) as { type: string; error: { type: string; message: string }; request_id: string }
  expect(body.request_id).toBe(headers.get('request-id'))
  expect(headers.get('x-request-id')).toBe(headers.get('request-id'))
  expect(Object.keys(body)).toEqual(['type', 'error', 'request_id'])
  return { status, type: body.error.type, message: body.error.message }
}

describe('what a request of /v1/messages means', () => {
  it('[AP13] blocks become messages: texts are joined, calls stand in the assistant’s message, each result is a message that knows its tool', () => {
    const { messages } = callOf({
      system: [{ type: 'text', text: 'Be ', cache_control: { type: 'ephemeral' } }, { type: 'text', text: 'short.' }], // prettier-ignore
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Weather' }, { type: 'text', text: '?' }] }, // prettier-ignore
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm.', signature: 'x' },
            { type: 'text', text: 'Wait.' },
            { type: 'tool_use', id: 'c1', name: 'weather', input: { city: 'Oslo' } },
            { type: 'tool_use', id: 'c2', name: 'time', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'c2', content: [{ type: 'text', text: 'noon' }] },
            { type: 'tool_result', tool_use_id: 'c1', content: 'rain', is_error: false },
            { type: 'tool_result', tool_use_id: 'c1' },
            { type: 'text', text: 'Well?' },
          ],
        },
        { role: 'user', content: 'Again' },
      ],
    })
    expect(messages).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: 'Wait.',
        reasoning: 'Hm.',
        toolCalls: [
          { id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' },
          { id: 'c2', name: 'time', arguments: '{}' },
        ],
      },
      { role: 'tool', content: 'noon', toolCallId: 'c2', name: 'time' },
      { role: 'tool', content: 'rain', toolCallId: 'c1', name: 'weather' },
      { role: 'tool', content: '', toolCallId: 'c1', name: 'weather' },
      { role: 'user', content: 'Well?' },
      { role: 'user', content: 'Again' },
    ])
  })

  it('[AP13] tools, choice, format and stops', () => {
    expect(callOf({})).toMatchObject({ tools: [], toolChoice: { kind: 'auto' }, parallelToolCalls: true, format: { kind: 'text' }, maxTokens: 64, stops: [] })
    const schema = { type: 'object' }
    const named = { type: 'tool', name: 'weather', disable_parallel_tool_use: true }
    expect(callOf({ tools: [TOOL], tool_choice: named, stop_sequences: ['END'], output_config: { format: { type: 'json_schema', schema } } })).toMatchObject({
      tools: [{ name: 'weather', description: 'Of a city.', parameters: TOOL.input_schema }],
      toolChoice: { kind: 'named', name: 'weather' },
      parallelToolCalls: false,
      format: { kind: 'json-schema', schema },
      stops: ['END'],
    })
    expect(callOf({ tools: [TOOL], tool_choice: { type: 'any' } }).toolChoice).toEqual({ kind: 'required' })
    expect(callOf({ tools: [TOOL], tool_choice: { type: 'none' } }).toolChoice).toEqual({ kind: 'none' })
  })
})

describe('what /v1/messages refuses', () => {
  it.each([
    ["Unsupported parameter: 'thinking'", { thinking: { type: 'enabled', budget_tokens: 1024 } }],
    ["Unsupported parameter: 'mcp_servers'", { mcp_servers: [{}] }],
    ["Unsupported parameter: 'messages[1].role'", { messages: [BASE.messages[0], { role: 'assistant', content: 'The answer is' }] }],
    ["Unsupported parameter: 'messages[0].content[0].type'", { messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }] }],
    ["Unsupported parameter: 'output_config.effort'", { output_config: { effort: 'max' } }],
    ["Invalid value for 'tools[0].type'", { tools: [{ type: 'web_search_20250305', name: 'web_search', input_schema: {} }] }],
    ["Unknown parameter: 'max_completion_tokens'", { max_completion_tokens: 5 }],
    ["Unknown parameter: 'stop'", { stop: 'x' }],
    ["Missing required parameter: 'max_tokens'", { max_tokens: undefined }],
    ["Invalid value for 'temperature'", { temperature: 1.5 }],
    ["Invalid value for 'messages'", { messages: [] }],
    ["Invalid value for 'messages[0].content'", { messages: [{ role: 'user', content: [] }] }],
    ["Invalid value for 'messages[0].content[0].type'", { messages: [{ role: 'user', content: [{ type: 'tool_use', id: 'x', name: 'y', input: {} }] }] }],
    ["Missing required parameter: 'messages[0].content[0].tool_use_id'", { messages: [{ role: 'user', content: [{ type: 'tool_result', content: 'x' }] }] }],
    ["Invalid value for 'system'", { system: '\ud800' }],
    ["Invalid value for 'tools[1].name'", { tools: [TOOL, TOOL] }],
    ["Invalid value for 'tool_choice.name'", { tools: [TOOL], tool_choice: { type: 'tool', name: 'other' } }],
    ["Invalid value for 'tool_choice'", { tool_choice: { type: 'any' } }],
    ["Invalid value for 'stop_sequences'", { stop_sequences: ['a', 'b', 'c', 'd', 'e'] }],
  ])('[AP14] %s: %j', async (message, fields) => {
    const refused = await refusal(testGateway().post(PATH, { ...BASE, ...fields }))
    expect(refused).toMatchObject({ status: 400, type: 'invalid_request_error' })
    expect(refused.message.startsWith(message), refused.message).toBe(true)
  })

  it('[AP14] every error of its paths is in Anthropic’s envelope, whoever makes it', async () => {
    const { post, app, engine } = testGateway()
    expect(await refusal(post(PATH, '{'))).toMatchObject({ status: 400, type: 'invalid_request_error' })
    expect(await refusal(post(PATH, { ...BASE, model: 'nobody' }))).toMatchObject({ status: 404, type: 'not_found_error' })
    expect(await refusal(post('/v1/messages/batches', BASE))).toMatchObject({ status: 404, type: 'not_found_error' })
    expect(await refusal(app.request(PATH))).toMatchObject({ status: 405, type: 'invalid_request_error' })
    expect(await refusal(post(PATH, ' '.repeat(4 * 1024 * 1024 + 1)))).toMatchObject({ status: 413, type: 'request_too_large' })
    engine.refusal = moeError('overloaded', 'full', { retryAfterS: 3 })
    expect(await refusal(post(PATH, BASE))).toMatchObject({ status: 429, type: 'rate_limit_error' })
    engine.refusal = HOST_LOST
    expect(await refusal(post(PATH, BASE))).toMatchObject({ status: 503, type: 'api_error' })
    const openAi = await (await post('/v1/completions', {})).json()
    expect(openAi).toMatchObject({ error: { code: 'invalid_value' } })
  })
})

describe('the answer of /v1/messages', () => {
  it.each([
    ['end_turn', null, {}, 'Hi there'],
    ['max_tokens', null, { max_tokens: 1 }, 'H'],
    ['stop_sequence', ' th', { stop_sequences: ['zzz', ' th'] }, 'Hi'],
  ])('[AP13] ends with %s', async (reason, stop, fields, text) => {
    const answer = await (await testGateway({ nextToken: says('Hi there'), cachedTokens: 4 }).post(PATH, { ...BASE, ...fields })).json()
    expect(answer).toMatchObject({ type: 'message', role: 'assistant', stop_reason: reason, stop_sequence: stop, usage: { cache_read_input_tokens: 4 } })
    expect(answer).toMatchObject({ content: [{ type: 'text', text }] })
  })

  it('[AP13] says where the context was too small for max_tokens', async () => {
    const answer = await (await testGateway({ nextToken: () => 833, engineContextTokens: 16 }).post(PATH, BASE)).json()
    expect(answer).toMatchObject({ stop_reason: 'model_context_window_exceeded' })
  })

  it('[AP13] counts the tokens that the same request has', async () => {
    const { post } = testGateway({ nextToken: says('Hi') })
    const { max_tokens: _, ...prompt } = { ...BASE, system: 'Be short.' }
    const counted = await (await post('/v1/messages/count_tokens', prompt)).json()
    const answer = (await (await post(PATH, { ...prompt, max_tokens: 4 })).json()) as { usage: { input_tokens: number } }
    expect(counted).toEqual({ input_tokens: answer.usage.input_tokens })
    expect(await refusal(post('/v1/messages/count_tokens', { ...prompt, max_tokens: 5 }))).toMatchObject({ message: "Unknown parameter: 'max_tokens'." })
  })
})
