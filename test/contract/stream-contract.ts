import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Forecast } from './clients/tool-client.ts'
import type { Served } from './served.ts'
import { streamFaults } from './streams/stream-faults.ts'

const CHATS = '/v1/chat/completions'
const SCHEMA = z.toJSONSchema(Forecast)
const USER = { role: 'user', content: 'How is the weather?' }
const CHAT = { messages: [USER], max_tokens: 64, temperature: 0, stream: true }
const COMPLETION = { prompt: 'Once upon a time', max_tokens: 16, temperature: 0, stream: true }
const RESPONSE = { input: USER.content, max_output_tokens: 64, temperature: 0, stream: true }
const USAGE = { stream_options: { include_usage: true } }
const TOOL = { name: 'get_weather', description: 'The weather of today.' }
const FORMAT = { name: 'forecast', strict: true, schema: SCHEMA }

const STREAMS: readonly (readonly [name: string, path: string, body: object])[] = [
  ['a chat', CHATS, CHAT],
  ['a chat of two choices with usage and log-probabilities', CHATS, { ...CHAT, n: 2, temperature: 1, seed: 5, logprobs: true, top_logprobs: 2, ...USAGE }],
  [
    'a chat that must call a tool',
    CHATS,
    { ...CHAT, tools: [{ type: 'function', function: { ...TOOL, parameters: SCHEMA } }], tool_choice: 'required', ...USAGE },
  ],
  ['a chat that may call a tool', CHATS, { ...CHAT, tools: [{ type: 'function', function: { ...TOOL, parameters: SCHEMA } }] }],
  ['a chat in JSON', CHATS, { ...CHAT, response_format: { type: 'json_schema', json_schema: FORMAT } }],
  ['a completion', '/v1/completions', COMPLETION],
  ['completions with usage', '/v1/completions', { ...COMPLETION, n: 2, logprobs: 1, echo: true, ...USAGE }],
  ['a response', '/v1/responses', RESPONSE],
  ['a response that must call a tool', '/v1/responses', { ...RESPONSE, tools: [{ type: 'function', ...TOOL, parameters: SCHEMA }], tool_choice: 'required' }],
  ['a response in JSON', '/v1/responses', { ...RESPONSE, text: { format: { type: 'json_schema', ...FORMAT } } }],
  ['a message', '/v1/messages', CHAT],
  ['a message that must use a tool', '/v1/messages', { ...CHAT, tools: [{ ...TOOL, input_schema: SCHEMA }], tool_choice: { type: 'any' } }],
]

/** What each stream of a running server must be, byte for byte, whatever its model says. */
export function registerStreamContract(getServed: () => Served): void {
  describe('streams', () => {
    let together: Map<string, string>

    beforeAll(async () => {
      together = new Map(await Promise.all(STREAMS.map(async ([name, path, body]) => [name, await streamOf(getServed(), path, body)] as const)))
    })

    it.each(STREAMS)('[CF7] %s keeps the rules, and is the same alone and among others', async (name, path, body) => {
      const alone = await streamOf(getServed(), path, body)
      expect(streamFaults(alone)).toEqual([])
      expect(masked(alone)).toBe(masked(together.get(name) ?? ''))
    })
  })
}

async function streamOf({ url, apiKey, model }: Served, path: string, body: object): Promise<string> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify({ model, ...body }) })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
  return response.text()
}

/** Without what each request has of its own: ids, times, and how much of its prompt was in the cache. */
function masked(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{32}/g, '<id>')
    .replaceAll(/"(created|created_at|completed_at|cached_tokens|input_tokens|cache_read_input_tokens)":\d+/g, '"$1":0')
}
