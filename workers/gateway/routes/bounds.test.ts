import { describe, expect, it } from 'vitest'
import { demoModel } from '../../../test/contract/demo-model.ts'
import { outcome, testGateway } from '../../../test/contract/test-gateway.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'

const MODEL = { model: 'isomoe-demo' }
const COMPLETIONS = '/v1/completions'
const CHAT = '/v1/chat/completions'
const MESSAGE = { role: 'user', content: 'hi' }

interface Bound {
  readonly what: string
  readonly path?: string
  /** A body with so many of it. */
  readonly body?: (count: number) => object | string
  readonly headers?: (count: number) => Record<string, string>
  readonly query?: (count: number) => string
  readonly max: number
  readonly refused: { readonly status: number; readonly code?: string; readonly type?: string; readonly param?: string | null }
}

const refused = (param: string) => ({ status: 400, code: 'invalid_value', param })
const list = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)
const COMPLETION = () => ({ ...MODEL, prompt: 'a' })

/** Every bound of a request that its sender can reach. At `max` it is taken, one above it is refused before any work. */
const BOUNDS: readonly Bound[] = [
  { what: 'prompts', body: (n) => ({ ...MODEL, prompt: list(n, 'a') }), max: LIMITS.promptsMax, refused: refused('prompt') },
  { what: 'prompts as ids', body: (n) => ({ ...MODEL, prompt: list(n, [5]) }), max: LIMITS.promptsMax, refused: refused('prompt') },
  { what: 'prompts times n', body: (n) => ({ ...MODEL, prompt: list(n, 'a'), n: 2 }), max: LIMITS.sequencesMax / 2, refused: refused('n') },
  {
    what: 'characters of prompts',
    body: (n) => ({ ...MODEL, prompt: [...list(n >> 12, 'word '.repeat(820).slice(0, 4096)), 'a'.repeat(n & 4095)].filter(Boolean) }),
    max: LIMITS.promptCharsMax,
    refused: refused('prompt'),
  },
  { what: 'n', body: (n) => ({ ...MODEL, prompt: 'a', n }), max: LIMITS.nMax, refused: refused('n') },
  { what: 'n of a chat', path: CHAT, body: (n) => ({ ...MODEL, messages: [MESSAGE], n }), max: LIMITS.nMax, refused: refused('n') },
  { what: 'stop strings', body: (n) => ({ ...MODEL, prompt: 'a', stop: list(n, 'x') }), max: LIMITS.stopStringsMax, refused: refused('stop') },
  { what: 'characters of a stop string', body: (n) => ({ ...MODEL, prompt: 'a', stop: 'x'.repeat(n) }), max: LIMITS.stopStringChars, refused: refused('stop') },
  { what: 'logprobs', body: (n) => ({ ...MODEL, prompt: 'a', logprobs: n }), max: LIMITS.logprobsMax, refused: refused('logprobs') },
  {
    what: 'top_logprobs',
    path: CHAT,
    body: (n) => ({ ...MODEL, messages: [MESSAGE], logprobs: true, top_logprobs: n, max_tokens: 5 }),
    max: LIMITS.logprobsMax,
    refused: refused('top_logprobs'),
  },
  {
    what: 'messages',
    path: CHAT,
    body: (n) => ({ ...MODEL, messages: list(n, { ...MESSAGE, content: '' }) }),
    max: LIMITS.messagesMax,
    refused: refused('messages'),
  },
  {
    what: 'messages of a template',
    path: '/apply-template',
    body: (n) => ({ messages: list(n, { ...MESSAGE, content: '' }) }),
    max: LIMITS.messagesMax,
    refused: refused('messages'),
  },
  {
    what: 'tokens of logit_bias',
    body: (n) => ({ ...MODEL, prompt: 'a', logit_bias: Object.fromEntries(list(n, 0).map((_, id) => [id, 1])) }),
    max: LIMITS.logitBiasMax,
    refused: refused('logit_bias'),
  },
  {
    what: 'stop_token_ids',
    body: (n) => ({ ...MODEL, prompt: 'a', stop_token_ids: list(n, 5) }),
    max: LIMITS.stopTokensMax / 2,
    refused: refused('stop_token_ids'),
  },
  {
    what: 'parts of a message',
    path: CHAT,
    body: (n) => ({ ...MODEL, messages: [{ role: 'user', content: list(n, { type: 'text', text: 'a ' }) }] }),
    max: LIMITS.contentPartsMax,
    refused: refused('messages[0].content'),
  },
  {
    what: 'parts of an input item',
    path: '/v1/responses',
    body: (n) => ({ ...MODEL, input: [{ role: 'user', content: list(n, { type: 'input_text', text: 'a ' }) }] }),
    max: LIMITS.contentPartsMax,
    refused: refused('input[0].content'),
  },
  {
    what: 'blocks of a message',
    path: '/v1/messages',
    body: (n) => ({ ...MODEL, max_tokens: 1, messages: [{ role: 'user', content: list(n, { type: 'text', text: 'a ' }) }] }),
    max: LIMITS.contentPartsMax,
    refused: { status: 400, type: 'invalid_request_error' },
  },
  {
    what: 'blocks of a system prompt',
    path: '/v1/messages',
    body: (n) => ({ ...MODEL, max_tokens: 1, messages: [MESSAGE], system: list(n, { type: 'text', text: 'a ' }) }),
    max: LIMITS.contentPartsMax,
    refused: { status: 400, type: 'invalid_request_error' },
  },
  {
    what: 'metadata of a response',
    path: '/v1/responses',
    body: (n) => ({ ...MODEL, input: 'a', metadata: Object.fromEntries(list(n, 0).map((_, i) => [`k${i}`, 'v'])) }),
    max: LIMITS.metadataMax,
    refused: refused('metadata'),
  },
  {
    what: 'input items of a response',
    path: '/v1/responses',
    body: (n) => ({ ...MODEL, input: list(n, { ...MESSAGE, content: 'a' }) }),
    max: LIMITS.messagesMax,
    refused: refused('input'),
  },
  {
    what: 'messages of Anthropic',
    path: '/v1/messages',
    body: (n) => ({ ...MODEL, max_tokens: 1, messages: list(n, { ...MESSAGE, content: 'a' }) }),
    max: LIMITS.messagesMax,
    refused: { status: 400, type: 'invalid_request_error' },
  },
  {
    what: 'tools of a chat',
    path: CHAT,
    body: (n) => ({
      ...MODEL,
      max_tokens: 1,
      messages: [MESSAGE],
      tool_choice: 'none',
      tools: list(n, 0).map((_, i) => ({ type: 'function', function: { name: `f${i}` } })),
    }),
    max: LIMITS.toolsMax,
    refused: refused('tools'),
  },
  {
    what: 'stop_sequences',
    path: '/v1/messages',
    body: (n) => ({ ...MODEL, max_tokens: 1, messages: [MESSAGE], stop_sequences: list(n, 'x') }),
    max: LIMITS.stopStringsMax,
    refused: { status: 400, type: 'invalid_request_error' },
  },
  { what: 'max_tokens', body: (n) => ({ ...MODEL, prompt: 'a', max_tokens: n }), max: LIMITS.contextMax, refused: refused('max_tokens') },
  { what: 'top_k', body: (n) => ({ ...MODEL, prompt: 'a', top_k: n }), max: LIMITS.vocabMax, refused: refused('top_k') },
  { what: 'tokens to decode', path: '/detokenize', body: (n) => ({ tokens: list(n, 5) }), max: LIMITS.contextMax, refused: refused('tokens') },
  {
    what: 'levels of JSON',
    body: (n) => ({ ...MODEL, prompt: 'a', metadata: nested(n - 1) }),
    max: 64,
    refused: { status: 400, code: 'invalid_value', param: null },
  },
  {
    what: 'bytes of a body',
    body: (n) => JSON.stringify(COMPLETION()).padEnd(n, ' '),
    max: LIMITS.bodyBytesMax,
    refused: { status: 413, code: 'body_too_large' },
  },
  {
    what: 'headers',
    body: COMPLETION,
    headers: (n) => Object.fromEntries(list(n - 1, 0).map((_, i) => [`x-${i}`, 'a'])), // and content-type
    max: LIMITS.headersMax,
    refused: { status: 431, code: 'headers_too_large' },
  },
  {
    what: 'bytes of headers',
    body: COMPLETION,
    headers: (n) => ({ 'content-type': 'a', x: 'a'.repeat(n - 'content-type'.length - 2) }),
    max: LIMITS.headerBytesMax,
    refused: { status: 431, code: 'headers_too_large' },
  },
  {
    what: 'characters of a URL',
    body: COMPLETION,
    query: (n) => `?${'a'.repeat(n - `http://localhost${COMPLETIONS}?`.length)}`,
    max: LIMITS.urlCharsMax,
    refused: { status: 414, code: 'url_too_long' },
  },
]

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)]
}

describe('bounds of a request', () => {
  it.each(BOUNDS)(
    '[KY8] $what: $max are taken, one more is refused with its code',
    async ({ path = COMPLETIONS, body, headers, query, max, refused: want }) => {
      const { app, engine } = testGateway({ model: { ...demoModel(), contextTokens: LIMITS.contextMax } })
      const ask = (count: number) => {
        const sent = body!(count)
        return outcome(
          app.request(path + (query?.(count) ?? ''), {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...headers?.(count) },
            body: typeof sent === 'string' ? sent : JSON.stringify(sent),
          }),
        )
      }
      expect(await ask(max)).toMatchObject({ status: 200 })
      const before = engine.requests.length
      const over = await ask(max + 1)
      expect(over).toMatchObject(want)
      expect(over.message.length).toBeLessThan(300)
      expect(engine.requests.length).toBe(before)
    },
  )

  it.each(['gzip', 'GZIP', 'br', 'identity, gzip', 'deflate'])(
    '[KY8] refuses a body in content-encoding %s: it would be larger than it looks',
    async (encoding) => {
      const { post } = testGateway()
      expect(await outcome(post(COMPLETIONS, COMPLETION(), undefined, { 'content-encoding': encoding }))).toMatchObject({
        status: 415,
        code: 'unsupported_content_encoding',
      })
      expect((await post(COMPLETIONS, COMPLETION(), undefined, { 'content-encoding': 'Identity' })).status).toBe(200)
    },
  )

  it('[KY8] takes a body without content-length, as long as it is short enough', async () => {
    const { app } = testGateway()
    const stream = (parts: readonly string[]) =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
          controller.close()
        },
      })
    const ask = (parts: readonly string[]) => {
      const init = { method: 'POST', body: stream(parts), duplex: 'half' }
      return outcome(app.request(new Request(`http://localhost${COMPLETIONS}`, init)))
    }
    const json = JSON.stringify(COMPLETION())
    expect((await ask([json.slice(0, 10), json.slice(10)])).status).toBe(200)
    expect(await ask([json, ...list(65, ' '.repeat(65_536))])).toMatchObject({ status: 413, code: 'body_too_large' })
    expect(await ask([])).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  it('[SE2] a body that breaks off is the fault of its client', async () => {
    const { app, logged } = testGateway()
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"model":'))
        controller.error(new Error('Network connection lost.'))
      },
    })
    const init = { method: 'POST', body, duplex: 'half' }
    expect(await outcome(app.request(new Request(`http://localhost${COMPLETIONS}`, init)))).toMatchObject({ status: 400, code: 'invalid_json' })
    expect(logged).toEqual([])
  })
})
