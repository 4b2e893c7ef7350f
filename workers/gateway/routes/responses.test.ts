import { describe, expect, it } from 'vitest'
import { demoCodec } from '../../../test/contract/demo-model.ts'
import { HOST_LOST, scripted } from '../../../test/contract/fake-engine.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { responsesCall } from '../chat/responses-call.ts'
import { parseRequest } from '../schemas/parse-request.ts'
import { ResponsesRequest } from '../schemas/responses-request.ts'

const PATH = '/v1/responses'
const BASE = { model: 'isomoe-demo', input: 'hi' }
const TOOL = { type: 'function', name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }
const says = (text: string) => scripted(demoCodec().encode(text, false), 2)

const callOf = (fields: object) => {
  const parsed = parseRequest(ResponsesRequest, { ...BASE, ...fields })
  if (!parsed.ok) throw new Error(parsed.error.message)
  return responsesCall(parsed.value)
}

interface StreamEvent {
  readonly type: string
  readonly sequence_number: number
  readonly response?: { readonly status: string; readonly error: object | null; readonly output: readonly object[] }
}

async function eventsOf(response: Response): Promise<StreamEvent[]> {
  const blocks = (await response.text()).split('\n\n').filter((block) => block !== '')
  return blocks.map((block) => JSON.parse(block.slice(block.indexOf('data: ') + 6)) as StreamEvent)
}

describe('what a request of /v1/responses means', () => {
  it('[AP11] items become messages: developer is system, calls and what is said beside them are one message, results know their tool', () => {
    const { messages } = callOf({
      instructions: 'Be short.',
      input: [
        { role: 'developer', content: [{ type: 'input_text', text: 'a' }, { type: 'input_text', text: 'b' }] }, // prettier-ignore
        { type: 'message', role: 'user', content: 'Weather?', id: 'msg_1', status: 'completed' },
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Wait.', annotations: [], logprobs: [] }] },
        { type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}', status: 'completed' },
        { type: 'function_call', call_id: 'c2', name: 'time', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'noon' }] },
        { type: 'function_call_output', call_id: 'c1', output: 'rain' },
      ],
    })
    expect(messages).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'system', content: 'ab' },
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: 'Wait.',
        toolCalls: [
          { id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' },
          { id: 'c2', name: 'time', arguments: '{}' },
        ],
      },
      { role: 'tool', content: 'noon', toolCallId: 'c2', name: 'time' },
      { role: 'tool', content: 'rain', toolCallId: 'c1', name: 'weather' },
    ])
  })

  it('[AP11] tools, choice and format', () => {
    expect(callOf({})).toMatchObject({
      tools: [],
      toolChoice: { kind: 'auto' },
      parallelToolCalls: true,
      format: { kind: 'text' },
      maxTokens: null,
      logprobs: null,
    })
    const schema = { type: 'object' }
    const fields = { tools: [TOOL], tool_choice: { type: 'function', name: 'weather' }, parallel_tool_calls: false, max_output_tokens: 5, top_logprobs: 2 }
    expect(callOf({ ...fields, text: { format: { type: 'json_schema', name: 'x', schema, strict: true } } })).toMatchObject({
      tools: [{ name: 'weather', description: null, parameters: TOOL.parameters }],
      toolChoice: { kind: 'named', name: 'weather' },
      parallelToolCalls: false,
      format: { kind: 'json-schema', schema },
      maxTokens: 5,
      logprobs: 2,
    })
    expect(callOf({ tools: [TOOL], tool_choice: 'required', text: { format: { type: 'json_object' } } })).toMatchObject({
      toolChoice: { kind: 'required' },
      format: { kind: 'json-object' },
    })
    expect(callOf({ include: ['message.output_text.logprobs'] }).logprobs).toBe(0)
  })
})

describe('what /v1/responses refuses', () => {
  it.each([
    ['store', { store: true }],
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['conversation', { conversation: 'conv_1' }],
    ['prompt', { prompt: { id: 'x' } }],
    ['background', { background: true }],
    ['truncation', { truncation: 'auto' }],
    ['reasoning', { reasoning: { effort: 'high' } }],
    ['tools[0].type', { tools: [{ type: 'web_search' }] }],
    ['tools[1].type', { tools: [TOOL, { type: 'mcp', server_label: 'x' }] }],
    ['tool_choice.type', { tools: [TOOL], tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [] } }],
    ['input[0].type', { input: [{ type: 'item_reference', id: 'x' }] }],
    [
      'input[0].content[1].type',
      {
        input: [
          {
            role: 'user',
            content: [
              { type: 'input_text', text: 'a' },
              { type: 'input_image', image_url: 'x' },
            ],
          },
        ],
      },
    ],
  ])('[AP12] %s is not supported: %j', async (param, fields) => {
    expect(await outcome(testGateway().post(PATH, { ...BASE, ...fields }))).toMatchObject({ status: 400, code: 'unsupported_parameter', param })
  })

  it.each([
    ['invalid_value', 'input', { input: undefined }],
    ['invalid_value', 'input', { input: [] }],
    ['invalid_value', 'input[0].role', { input: [{ role: 'robot', content: 'x' }] }],
    ['invalid_value', 'input[0].type', { input: [{ type: 'nonsense' }] }],
    ['invalid_value', 'input[0].content', { input: [{ role: 'user', content: 5 }] }],
    ['invalid_value', 'input[0].content[0].type', { input: [{ role: 'user', content: [{ type: 'nonsense' }] }] }],
    ['invalid_value', 'input', { input: '\ud800' }],
    ['invalid_value', 'tools[0].name', { tools: [{ ...TOOL, name: 'no spaces' }] }],
    ['invalid_value', 'tools[1].name', { tools: [TOOL, TOOL] }],
    ['invalid_value', 'tools', { tools: Array.from({ length: LIMITS.toolsMax + 1 }, (_, i) => ({ ...TOOL, name: `t${i}` })) }],
    ['invalid_value', 'tool_choice', { tool_choice: 'required' }],
    ['invalid_value', 'tool_choice.name', { tools: [TOOL], tool_choice: { type: 'function', name: 'other' } }],
    ['invalid_value', 'max_output_tokens', { max_output_tokens: 0 }],
    ['unknown_parameter', 'messages', { messages: [] }],
    ['unknown_parameter', 'input[0].text', { input: [{ role: 'user', content: 'x', text: 'x' }] }],
  ])('[AP12] %s %s: %j', async (code, param, fields) => {
    expect(await outcome(testGateway().post(PATH, { ...BASE, ...fields }))).toMatchObject({ status: 400, code, param })
  })

  it('[AP12] accepts what changes nothing, and neutral values', async () => {
    const neutral = {
      store: false,
      background: false,
      truncation: 'disabled',
      reasoning: { effort: null, summary: 'auto' },
      tools: [],
      previous_response_id: null,
    }
    const ignored = {
      user: 'me',
      metadata: { a: 'b' },
      service_tier: 'auto',
      include: ['reasoning.encrypted_content'],
      stream_options: { include_obfuscation: false },
    }
    expect((await testGateway().post(PATH, { ...BASE, ...neutral, ...ignored })).status).toBe(200)
  })
})

describe('the answer of /v1/responses', () => {
  it('[AP11] a whole response; one cut by its tokens is incomplete', async () => {
    const whole = await (await testGateway({ nextToken: says('Hi there'), cachedTokens: 4 }).post(PATH, { ...BASE, metadata: { a: 'b' } })).json()
    expect(whole).toMatchObject({
      id: 'resp_00000001',
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
      output: [{ type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Hi there', annotations: [] }] }],
      temperature: 0.7,
      top_p: 0.9,
      store: false,
      metadata: { a: 'b' },
      usage: { input_tokens_details: { cached_tokens: 4 } },
    })
    const cut = await (await testGateway({ nextToken: says('Hi there') }).post(PATH, { ...BASE, max_output_tokens: 1 })).json()
    expect(cut).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
      usage: { output_tokens: 1 },
    })
    const silent = await (await testGateway({ nextToken: says('') }).post(PATH, BASE)).json()
    expect(silent).toMatchObject({ status: 'completed', output: [{ type: 'message', content: [{ text: '' }] }] })
  })

  it('[AP11] events are numbered from 0, and the last carries the response that a whole answer is', async () => {
    for (const fields of [{}, { max_output_tokens: 1 }, { top_logprobs: 2 }]) {
      const make = () => testGateway({ nextToken: says('Hi there') })
      const events = await eventsOf(await make().post(PATH, { ...BASE, ...fields, stream: true }))
      expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index))
      expect(events.at(-1)?.response).toEqual(await (await make().post(PATH, { ...BASE, ...fields })).json())
      expect(events.at(-1)?.type).toBe(`response.${events.at(-1)?.response?.status}`)
    }
  })

  it('[AP11] a failure in the middle is response.failed with what was made; before it has its status', async () => {
    const broken = { nextToken: says(' a time of peace'), failure: { afterSteps: 2, error: HOST_LOST } }
    const events = await eventsOf(await testGateway(broken).post(PATH, { ...BASE, stream: true }))
    expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { status: 'failed', error: { code: 'server_error' } } })
    expect(await outcome(testGateway(broken).post(PATH, BASE))).toMatchObject({ status: 503, code: 'host_unavailable' })
    expect(await outcome(testGateway().post(PATH, { ...BASE, model: 'nobody' }))).toMatchObject({ status: 404, code: 'model_not_found' })
  })
})
