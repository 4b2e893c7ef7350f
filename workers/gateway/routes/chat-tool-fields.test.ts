import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'

const CHATS = '/v1/chat/completions'
const USER = { role: 'user', content: 'hi' }
const CHAT = { model: 'isomoe-demo', messages: [USER] }
const CALL = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }
const ASKS = { role: 'assistant', content: null, tool_calls: [CALL] }
const tool = (fields: object) => ({ type: 'function', function: { name: 'f', ...fields } })
const format = (fields: object) => ({ type: 'json_schema', json_schema: { name: 'x', schema: {}, ...fields } })
const long = { description: 'x'.repeat(LIMITS.schemaCharsMax) }

describe('fields of tools', () => {
  it.each<[string, object]>([
    ['tools', { tools: {} }],
    ['tools', { tools: Array.from({ length: LIMITS.toolsMax + 1 }, (_, index) => tool({ name: `f${index}` })) }],
    ['tools[0].type', { tools: [{ type: 'custom', custom: { name: 'f' } }] }],
    ['tools[0].function.name', { tools: [tool({ name: 'a b' })] }],
    ['tools[0].function.name', { tools: [tool({ name: 'x'.repeat(LIMITS.toolNameChars + 1) })] }],
    ['tools[1].function.name', { tools: [tool({}), tool({})] }],
    ['tools[0].function.description', { tools: [tool({ description: '\ud83d' })] }],
    ['tools[0].function.parameters', { tools: [tool({ parameters: [] })] }],
    ['tools[0].function.parameters', { tools: [tool({ parameters: { type: 'string' } })] }],
    ['tools[0].function.parameters', { tools: [tool({ parameters: long })] }],
    ['tools[0].function.parameters', { tools: [tool({ parameters: { description: '\ud83d' } })] }],
    ['tool_choice', { tools: [tool({})], tool_choice: 'any' }],
    ['tool_choice', { tools: [tool({})], tool_choice: { type: 'function', function: { name: 'g' } } }],
    [
      'tool_choice',
      { tools: [tool({})], tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'g' } }] } } },
    ],
    ['tool_choice', { tool_choice: 'required' }],
    ['parallel_tool_calls', { parallel_tool_calls: 'yes' }],
    ['response_format.type', { response_format: { type: 'xml' } }],
    ['response_format', { response_format: 'json_object' }],
    ['response_format.json_schema', { response_format: { type: 'json_schema' } }],
    ['response_format.json_schema.name', { response_format: format({ name: 'a b' }) }],
    ['response_format.json_schema.schema', { response_format: format({ schema: 'x' }) }],
    ['response_format.json_schema.schema', { response_format: format({ schema: long }) }],
    ['messages[1].tool_calls[0].id', { messages: [USER, { ...ASKS, tool_calls: [{ ...CALL, id: '' }] }] }],
    ['messages[1].tool_calls[0].function.arguments', { messages: [USER, { ...ASKS, tool_calls: [{ ...CALL, function: { name: 'f', arguments: {} } }] }] }],
    ['messages[0].tool_calls', { messages: [{ ...USER, tool_calls: [CALL] }] }],
    ['messages[0].tool_call_id', { messages: [{ ...USER, tool_call_id: 'c1' }] }],
    ['messages[0].reasoning_content', { messages: [{ ...USER, reasoning_content: 'Hm.' }] }],
    ['messages[1].content', { messages: [USER, { role: 'assistant', content: null }] }],
    ['messages[1].content', { messages: [USER, { role: 'assistant', tool_calls: [] }] }],
    ['messages[1].tool_call_id', { messages: [USER, { role: 'tool', content: 'x' }] }],
    ['messages[1].tool_call_id', { messages: [USER, { role: 'tool', content: 'x', tool_call_id: 'c1' }] }],
    ['messages[1].tool_call_id', { messages: [USER, { role: 'tool', content: 'x', tool_call_id: 'c1' }, ASKS] }],
    ['messages[2].content', { messages: [USER, ASKS, { role: 'tool', tool_call_id: 'c1' }] }],
    ['messages[2].content[0]', { messages: [USER, ASKS, { role: 'tool', content: [{ type: 'text' }], tool_call_id: 'c1' }] }],
  ])('[TC7] %s out of its bounds is 400', async (param, fields) => {
    expect(await outcome(testGateway().post(CHATS, { ...CHAT, ...fields }))).toMatchObject({ status: 400, code: 'invalid_value', param })
  })

  it.each<[string, object]>([
    ['tools[0].function.args', { tools: [tool({ args: {} })] }],
    ['response_format.schema', { response_format: { type: 'json_object', schema: {} } }],
    ['messages[0].tool', { messages: [{ ...USER, tool: 1 }] }],
  ])('[TC7] %s is no field', async (param, fields) => {
    expect(await outcome(testGateway().post(CHATS, { ...CHAT, ...fields }))).toMatchObject({ status: 400, code: 'unknown_parameter', param })
  })

  it('[TC7] takes what clients send back of an answer, and a result in parts', async () => {
    const answer = {
      role: 'assistant',
      content: null,
      refusal: null,
      annotations: [],
      audio: null,
      function_call: null,
      reasoning_content: 'Hm.',
      tool_calls: [CALL],
    }
    const result = { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'warm' }] }
    expect((await testGateway().post(CHATS, { ...CHAT, messages: [USER, answer, result], tools: [tool({})], parallel_tool_calls: null })).status).toBe(200)
  })
})
