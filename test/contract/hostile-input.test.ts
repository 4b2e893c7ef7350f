import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../../workers/gateway/http/errors.ts'
import { ECHO_CHARS_MAX } from '../../shared/protocol/echo.ts'
import { hostileValue, mutated, wireJson } from './hostile-values.ts'
import { testGateway } from './test-gateway.ts'

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 60)
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_122)
const CHECK = { seed: SEED, numRuns: RUNS }

const MODEL = 'isomoe-demo'
const SCHEMA = {
  type: 'object',
  properties: { a: { type: 'string', pattern: '^[a-z]+$' }, b: { $ref: '#/$defs/n' } },
  $defs: { n: { type: 'integer', minimum: 0 } },
}
const SAMPLING = {
  temperature: 0.7,
  top_p: 0.9,
  top_k: 5,
  min_p: 0.1,
  seed: 7,
  presence_penalty: 1,
  frequency_penalty: -1,
  repetition_penalty: 1.1,
  logit_bias: { 5: 1 },
}
const COMMON = { model: MODEL, max_tokens: 3, n: 2, min_tokens: 1, stop: ['a', 'b'], stop_token_ids: [9], user: 'u', return_token_ids: true, timings: true }
const CHAT = [
  { role: 'system', content: 'Be kind.' },
  { role: 'user', content: [{ type: 'text', text: 'Look' }] },
  { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a":"x"}' } }] },
  { role: 'tool', tool_call_id: 'call_1', content: 'seen' },
]
const TOOLS = [{ type: 'function', function: { name: 'look', description: 'Looks.', parameters: SCHEMA, strict: true } }]

/** A valid request for each route, with as many of its fields as go together. */
const REQUESTS: readonly (readonly [path: string, body: object])[] = [
  ['/v1/completions', { ...COMMON, ...SAMPLING, prompt: ['Once', 'Twice'], logprobs: 3, echo: true, stream: false, best_of: 2, ignore_eos: false }],
  ['/v1/completions', { ...COMMON, prompt: [[5, 6, 7], [8]], stream: true, stream_options: { include_usage: true } }],
  ['/v1/chat/completions', { ...COMMON, ...SAMPLING, messages: CHAT, logprobs: true, top_logprobs: 2, metadata: { a: 'b' } }],
  [
    '/v1/chat/completions',
    { model: MODEL, messages: CHAT, tools: TOOLS, tool_choice: { type: 'function', function: { name: 'look' } }, parallel_tool_calls: false, stream: true },
  ],
  [
    '/v1/chat/completions',
    { model: MODEL, messages: CHAT.slice(0, 2), response_format: { type: 'json_schema', json_schema: { name: 'a', schema: SCHEMA, strict: true } } },
  ],
  [
    '/v1/responses',
    {
      model: MODEL,
      instructions: 'Be kind.',
      max_output_tokens: 3,
      top_logprobs: 2,
      include: ['message.output_text.logprobs'],
      metadata: { a: 'b' },
      ...SAMPLING,
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'Look' }] },
        { type: 'function_call', call_id: 'c', name: 'look', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'seen' },
      ],
      tools: [{ type: 'function', name: 'look', parameters: SCHEMA, strict: true }],
      tool_choice: 'auto',
    },
  ],
  ['/v1/responses', { model: MODEL, input: 'Look', stream: true, text: { format: { type: 'json_schema', name: 'a', schema: SCHEMA } } }],
  [
    '/v1/messages',
    {
      model: MODEL,
      max_tokens: 3,
      system: [{ type: 'text', text: 'Be kind.' }],
      stop_sequences: ['a'],
      temperature: 0.5,
      stream: true,
      messages: [
        { role: 'user', content: 'Look' },
        { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'look', input: { a: 'x' } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'seen' }] }] },
      ],
      tools: [{ name: 'look', input_schema: SCHEMA }],
      tool_choice: { type: 'any' },
    },
  ],
  ['/v1/messages/count_tokens', { model: MODEL, messages: [{ role: 'user', content: 'Look' }], system: 'Be kind.' }],
  ['/tokenize', { prompt: 'Look', add_special_tokens: true }],
  ['/detokenize', { tokens: [5, 6, 7] }],
  ['/apply-template', { messages: CHAT, add_generation_prompt: true }],
  [
    '/admin/scale',
    {
      dry_run: true,
      experts: [
        { layer: 0, expert: 1, replicas: 2 },
        { layer: 0, expert: 2, hosts: ['expert-00'] },
      ],
    },
  ],
  ['/admin/policy', { enabled: true, standby: false, gainMin: 0.1 }],
]
const PATHS = Array.from(new Set(REQUESTS.map(([path]) => path)))

/** What the request said, in the form that an answer might repeat. */
function saidIn(...texts: readonly string[]): string {
  return texts.flatMap((text) => [text, unescaped(text)]).join('\n')
}

function unescaped(text: string): string {
  const strings: string[] = []
  const collect = (value: unknown): void => {
    if (typeof value === 'string') strings.push(value)
    else if (typeof value === 'object' && value !== null)
      for (const [key, part] of Object.entries(value)) {
        strings.push(key)
        collect(part)
      }
  }
  try {
    collect(JSON.parse(text))
  } catch {
    return '' // what is no JSON is repeated as it is, if at all
  }
  return strings.join('\n')
}

/** The longest piece of `answer` that the request said is short enough. */
function repeats(answer: string, said: string): string | null {
  for (let at = 0; at + ECHO_CHARS_MAX < answer.length; at++) {
    const piece = answer.slice(at, at + ECHO_CHARS_MAX + 1)
    if (said.includes(piece)) return piece
  }
  return null
}

const ANTHROPIC_TYPES = [
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'not_found_error',
  'conflict_error',
  'request_too_large',
  'rate_limit_error',
]

/** SE1 of one answer. */
async function expectSound(response: Response, path: string, method: string, said: string): Promise<void> {
  const text = await response.text()
  expect(response.status, text).toBeLessThan(500)
  expect(response.headers.get('x-request-id')).toMatch(/^req_/)
  expect(response.headers.has('x-injected')).toBe(false)
  expect(text).not.toContain('internal_error')
  expect(text).not.toMatch(/\bat .*\(.*:[0-9]+:[0-9]+\)/) // no stack
  if (response.status < 400 || method === 'HEAD') return
  const body = JSON.parse(text) as { type?: string; error: { message: string; type: string; code?: string; param?: string | null } }
  if (body.type === 'error') {
    expect(path.startsWith('/v1/messages')).toBe(true)
    expect(ANTHROPIC_TYPES).toContain(body.error.type)
  } else {
    expect(ERROR_CODES).toContain(body.error.code)
  }
  expect(repeats(body.error.message, said)).toBeNull()
  expect(repeats(body.error.param ?? '', said)).toBeNull()
}

function request(path: string, method: string, headers: Record<string, string>, body: string | Uint8Array<ArrayBuffer> | null): Request {
  return new Request(`http://localhost${path}`, { method, headers, ...(body !== null && method !== 'GET' && method !== 'HEAD' && { body }) })
}

describe.each(REQUESTS)('%s', (path, valid) => {
  const gateway = testGateway()
  const send = (body: string | Uint8Array<ArrayBuffer>, type = 'application/json') => gateway.app.request(request(path, 'POST', { 'content-type': type }, body))

  it('[SE1] takes the request that the others are made of', async () => {
    const response = await send(JSON.stringify(valid))
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)])
  })

  it('[SE1] answers a valid request with hostile values in its places', async () => {
    await fc.assert(
      fc.asyncProperty(mutated(valid), async (body) => {
        const text = wireJson(body)
        await expectSound(await send(text), path, 'POST', saidIn(text))
      }),
      CHECK,
    )
    expect(gateway.logged).toEqual([])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('[SE1] answers any JSON, broken JSON, broken UTF-8 and bodies of another kind', async () => {
    const json = JSON.stringify(valid)
    const truncated = fc.nat(json.length - 1).map((length) => json.slice(0, length))
    const spoilt = fc.tuple(fc.nat(json.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 })).map(([at, bytes]) => {
      const all = new TextEncoder().encode(json)
      all.set(bytes.subarray(0, all.length - at), at)
      return all
    })
    const body = fc.oneof(hostileValue.map(wireJson), truncated, spoilt, fc.uint8Array({ maxLength: 64 }), fc.string({ unit: 'binary' }))
    const type = fc.constantFrom(
      'application/json',
      'text/plain',
      'multipart/form-data; boundary=x',
      'application/x-www-form-urlencoded',
      '',
      'application/json; charset=utf-16',
    )
    await fc.assert(
      fc.asyncProperty(body, type, async (sent, contentType) => {
        const said = typeof sent === 'string' ? sent : new TextDecoder().decode(sent)
        await expectSound(await send(typeof sent === 'string' ? sent : new Uint8Array(sent), contentType), path, 'POST', saidIn(said))
      }),
      CHECK,
    )
    expect(gateway.logged).toEqual([])
  })
})

describe('paths, methods and headers', () => {
  const segment = fc.oneof(
    fc.constantFrom('..', '.', '%2e%2e', '%00', '%ff', '%zz', '%2f', '//', 'v1', 'models', 'admin', 'state', 'x'.repeat(500), '%F0%9F%98%80', '__proto__'),
    fc.webSegment(),
  )
  const path = fc.oneof(
    fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`),
    fc
      .tuple(
        fc.constantFrom(...PATHS, '/', '/health', '/metrics', '/v1/models', '/admin/state', '/admin/events', '/openapi.json'),
        fc.constantFrom('', '/', '//', '/..', '?', '?a=%00', '#x', '%00', ';x', '.json'),
      )
      .map((parts) => parts.join('')),
    segment.map((name) => `/v1/models/${name}`),
  )
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'M-SEARCH', 'X'.repeat(300))
  const headerValue = fc.oneof(
    fc.constantFrom('Bearer', 'Bearer ', 'Basic eDp5', 'Bearer a b', '\u00ff', ',,,', '0', '-1', '1e9', 'null', 'http://evil.example', 'x'.repeat(4000)),
    fc.string().map((text) => text.replaceAll(/[^\x21-\x7e]/g, '')),
  )
  const headers = fc.dictionary(
    fc.constantFrom(
      'authorization',
      'x-api-key',
      'origin',
      'last-event-id',
      'content-length',
      'content-encoding',
      'accept',
      'if-none-match',
      'anthropic-version',
      'x-forwarded-for',
      'cookie',
      'range',
    ),
    headerValue,
  )

  it('[SE1] are answered, whatever they are', async () => {
    const gateway = testGateway()
    await fc.assert(
      fc.asyncProperty(path, method, headers, hostileValue, async (asked, verb, sent, body) => {
        if (!URL.canParse(`http://localhost${asked}`)) return
        const text = wireJson(body)
        const stop = new AbortController()
        const asks = new Request(request(asked, verb, sent, text), { signal: stop.signal })
        const response = await gateway.app.request(asks)
        if (response.headers.get('content-type')?.startsWith('text/event-stream') === true) {
          expect(response.status).toBe(200)
          await response.body?.cancel() // of scale events: it has no end
          return
        }
        await expectSound(response, new URL(asks.url).pathname, verb, saidIn(text, asked, decoded(asked), verb, ...Object.values(sent)))
      }),
      { ...CHECK, numRuns: 4 * RUNS },
    )
    expect(gateway.logged).toEqual([])
  })
})

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return ''
  }
}
