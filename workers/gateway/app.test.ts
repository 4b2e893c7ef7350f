import { describe, expect, it } from 'vitest'
import { demoCodec, demoModel } from '../../test/contract/demo-model.ts'
import { hashed } from '../../test/contract/fake-engine.ts'
import { outcome, testGateway } from '../../test/contract/test-gateway.ts'
import { moeError } from '../../shared/protocol/errors.ts'
import type { TextCodec } from './model/text-codec.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'

const MODEL = { model: 'isomoe-demo' }
const COMPLETION = { ...MODEL, prompt: 'Once upon a time' }
const CHAT = { ...MODEL, messages: [{ role: 'user', content: 'hi' }] }

/** The demo's codec with one part that throws for anything but nothing. */
function brokenCodec(part: 'encode' | 'decode'): TextCodec {
  const fail = (input: string | readonly number[]): never | '' => {
    if (input.length === 0) return ''
    throw new Error('secret')
  }
  return { ...demoCodec(), [part]: fail }
}

describe('GET /', () => {
  it('[LP1] serves the page with its policy, and says so where the client has it', async () => {
    const { app } = testGateway()
    const first = await app.request('/')
    expect(await first.text()).toBe('<!doctype html><title>page</title>')
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'content-type': 'text/html; charset=UTF-8',
      'content-security-policy': "default-src 'none'",
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      etag: '"tag"',
    })
    const again = await app.request('/', { headers: { 'if-none-match': '"other", W/"tag"' } })
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', '"tag"'])
    expect((await app.request('/', { headers: { 'if-none-match': '"old"' } })).status).toBe(200)
  })
})

describe('the routes', () => {
  it('[AP7] every reply has its own x-request-id, errors too', async () => {
    const { app, post } = testGateway()
    const replies = [
      await app.request('/health'),
      await post('/v1/completions', COMPLETION),
      await post('/v1/chat/completions', { ...CHAT, stream: true }),
      await post('/v1/completions', 'no json'),
      await app.request('/nowhere'),
      await post('/health', {}),
    ]
    const ids = replies.map(({ headers }) => headers.get('x-request-id'))
    expect(ids).toEqual(['req_00000001', 'req_00000002', 'req_00000003', 'req_00000004', 'req_00000005', 'req_00000006'])
  })

  it('[AP1] answers unknown routes and wrong methods with the envelope', async () => {
    const { app, post } = testGateway()
    expect(await outcome(app.request('/v2/models'))).toMatchObject({ status: 404, code: 'not_found' })
    const wrong = await outcome(app.request('/v1/completions'))
    expect(wrong).toMatchObject({ status: 405, code: 'method_not_allowed' })
    expect(wrong.headers.get('allow')).toBe('POST')
    expect((await post('/v1/models/x', {})).status).toBe(405)
  })

  it('[AP1] a fault of ours is 500 without its cause, and is logged; the next request works', async () => {
    const { app, post, logged } = testGateway({ model: { ...demoModel(), codec: brokenCodec('encode') } })
    const answer = await outcome(post('/v1/completions', COMPLETION))
    expect(answer).toMatchObject({ status: 500, code: 'internal_error', message: expect.not.stringContaining('secret') })
    expect(logged).toEqual(['a request failed'])
    expect((await app.request('/health')).status).toBe(200)
  })

  it('[AP4] a fault of ours in the middle of a stream ends it with an error, and ends the work', async () => {
    const { engine, post, logged } = testGateway({ model: { ...demoModel(), codec: brokenCodec('decode') }, nextToken: hashed(6144) })
    const text = await (await post('/v1/chat/completions', { ...CHAT, stream: true })).text()
    expect(text).toMatch(/data: \{"error":\{"message":"[^"]*","type":"server_error","param":null,"code":"internal_error"\}\}\n\n$/)
    expect(logged).toEqual(['an answer failed in the middle'])
    expect((await engine.state()).running).toBe(0)
  })

  it('[FA3] an engine that breaks in the middle is 503, and the next request works', async () => {
    let broken = true
    const { post } = testGateway({
      nextToken: () => {
        if (broken) throw new Error('reset')
        return 2
      },
    })
    expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 503, code: 'host_unavailable' })
    broken = false
    expect((await post('/v1/completions', COMPLETION)).status).toBe(200)
  })

  it('[AP1] lists the model with the context that the engine has', async () => {
    const { app } = testGateway({ engineContextTokens: 512 })
    const model = { id: 'isomoe-demo', object: 'model', owned_by: 'isomoe', context_length: 512, max_model_len: 512, tier: 'q8' }
    expect(await (await app.request('/v1/models')).json()).toMatchObject({ object: 'list', data: [model] })
    expect(await (await app.request('/v1/models/isomoe-demo')).json()).toMatchObject(model)
    expect(await outcome(app.request('/v1/models/gpt%2F4'))).toMatchObject({ status: 404, code: 'model_not_found' })
  })

  it('[AP1] says that it is loading, ready or failed', async () => {
    const { app, engine, post } = testGateway()
    expect(await (await app.request('/health')).json()).toEqual({ status: 'ok', model: 'isomoe-demo' })
    engine.engineStatus = { state: 'loading', bytesRead: 5, bytesTotal: 10 }
    const loading = await outcome(app.request('/health'))
    expect(loading).toMatchObject({ status: 503, code: 'loading' })
    expect(loading.headers.get('retry-after')).toBe('2')
    engine.refusal = moeError('loading', 'The model is loading.', { state: 'loading' })
    expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 503, code: 'loading' })
    engine.engineStatus = { state: 'failed', error: moeError('weights-corrupt', 'trunk.bin', { object: 'trunk.bin', offset: 0 }) }
    expect(await outcome(app.request('/health'))).toMatchObject({ status: 503, code: 'weights_corrupt' })
  })

  it('[SC5] an engine that is full is 429 with retry-after, before any work', async () => {
    const { engine, post } = testGateway()
    engine.refusal = moeError('overloaded', '256 sequences wait.', { retryAfterS: 7 })
    const full = await outcome(post('/v1/chat/completions', { ...CHAT, stream: true }))
    expect(full).toMatchObject({ status: 429, code: 'overloaded' })
    expect(full.headers.get('retry-after')).toBe('7')
  })

  it('[AP1] tells an engine that cannot be reached from one that is overloaded, as the platform marks them', async () => {
    const { engine, post } = testGateway()
    engine.generate = () => Promise.reject(new Error('Durable Object reset'))
    expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 503, code: 'host_unavailable' })
    engine.generate = () => Promise.reject(Object.assign(new Error('too many requests'), { overloaded: true }))
    expect(await outcome(post('/v1/completions', COMPLETION))).toMatchObject({ status: 429, code: 'overloaded' })
  })

  it('[AP1] shows the state of the engine', async () => {
    const { app } = testGateway()
    expect(await (await app.request('/admin/state')).json()).toMatchObject({ running: 0, waiting: 0, hosts: [], isolateId: 'fake' })
  })

  it('[AP1] tokenizes, detokenizes and renders chats', async () => {
    const { post } = testGateway({ engineContextTokens: 512 })
    const tokens = [2335, 874, 263, 833]
    expect(await (await post('/tokenize', { prompt: 'Once upon a time' })).json()).toEqual({ tokens, count: 4, max_model_len: 512 })
    expect(await (await post('/tokenize', { text: 'Once upon a time', add_special_tokens: false })).json()).toMatchObject({ tokens })
    expect(await (await post('/detokenize', { tokens: [1, ...tokens] })).json()).toEqual({ prompt: '<|im_start|>Once upon a time' })
    expect(await (await post('/detokenize', { tokens: [] })).json()).toEqual({ prompt: '' })
    const rendered = '<|im_start|>user\nhi<|im_end|>\n'
    expect(await (await post('/apply-template', { messages: CHAT.messages, add_generation_prompt: false })).json()).toEqual({ prompt: rendered })
    expect(await outcome(post('/tokenize', {}))).toMatchObject({ status: 400, param: 'prompt' })
    expect(await outcome(post('/detokenize', { tokens: [5, 6144] }))).toMatchObject({ status: 400, code: 'invalid_value', param: 'tokens' })
  })
})

describe('request bodies', () => {
  it('[CF5] what a refused request brings is read to its end, so that its sender sees why', async () => {
    const { app } = testGateway({ access: { ACCESS: 'loopback', API_KEYS: `alice:${'0'.repeat(64)}` } })
    const sizes = [1, 40, 40 + 1000]
    const left: number[] = []
    for (const chunks of sizes) {
      let unsent = chunks
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (unsent-- > 0) controller.enqueue(new Uint8Array(65_536))
          else controller.close()
        },
      })
      const init = { method: 'POST', body, duplex: 'half' }
      expect(await outcome(app.request(new Request('http://localhost/v1/completions', init)))).toMatchObject({ status: 401 })
      left.push(Math.max(0, unsent))
    }
    expect(left.slice(0, 2)).toEqual([0, 0])
    expect(left[2]).toBeGreaterThan(800) // but not for ever
  })

  it('[CF5] nor does it wait for a sender that crawls', async () => {
    const { app, timer } = testGateway()
    let cancelled = false
    const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) }) // nothing comes
    const answer = app.request(new Request('http://localhost/v1/nowhere', { method: 'POST', body, duplex: 'half' } as RequestInit))
    while (timer.pending() === 0) await new Promise(setImmediate)
    await timer.pass()
    expect([(await answer).status, cancelled]).toEqual([404, true])
  })

  it('[AP9] refuses more than 4 MiB, stated or sent', async () => {
    const { app, post } = testGateway()
    expect(await outcome(post('/v1/completions', JSON.stringify({ ...MODEL, prompt: 'x'.repeat(LIMITS.bodyBytesMax) })))).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65536
        controller.enqueue(new Uint8Array(65536))
      },
    })
    const init = { method: 'POST', body: endless, duplex: 'half' }
    const request = new Request('http://localhost/v1/completions', init)
    expect(await outcome(app.request(request))).toMatchObject({ status: 413, code: 'body_too_large' })
    expect(sent).toBeLessThan(LIMITS.bodyBytesMax + LIMITS.bodyRestBytesMax + 4 * 65536)
  })

  it.each(['', '{"model"', '{"a":1}x', '\u{0}'])('[AP1] refuses %j as JSON', async (body) => {
    expect(await outcome(testGateway().post('/v1/chat/completions', body))).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  it('[AP1] refuses broken UTF-8: it would change the prompt', async () => {
    const body = Uint8Array.from([...new TextEncoder().encode('{"model":"'), 0xff, 0x22, 0x7d])
    expect(await outcome(testGateway().app.request('/v1/completions', { method: 'POST', body }))).toMatchObject({ status: 400, code: 'invalid_json' })
  })

  it('[AP9] refuses a body that would be much larger when parsed', async () => {
    const body = (metadata: string) => `{"model":"isomoe-demo","prompt":"a","metadata":${metadata}}`
    const tooMuch = [body(`${'['.repeat(65)}${']'.repeat(65)}`), body(`[${'{},'.repeat(40_000)}0]`), body(`[${'"a",'.repeat(140_000)}0]`)]
    for (const json of tooMuch) {
      const error = await outcome(testGateway().post('/v1/completions', json))
      expect(error).toMatchObject({
        status: 400,
        code: 'invalid_value',
        param: null,
        message: expect.stringMatching(/^The body (is nested|has) more than \d+ /),
      })
    }
    expect((await testGateway().post('/v1/completions', body(`${'['.repeat(63)}${']'.repeat(63)}`))).status).toBe(200)
  })

  it('[AP9] refuses many keys and prototype names by name, and shortly', async () => {
    const { post } = testGateway()
    const keys = `{"model":"isomoe-demo","prompt":"a",${Array.from({ length: 100_000 }, (_, key) => `"k${key}":1`).join(',')}}`
    expect(await outcome(post('/v1/completions', keys))).toMatchObject({ status: 400, code: 'unknown_parameter' })
    const named = '{"model":"isomoe-demo","prompt":"a","__proto__":1}'
    expect(await outcome(post('/v1/completions', named))).toMatchObject({ status: 400, code: 'unknown_parameter' })
    const long = await outcome(post('/v1/completions', { ...COMPLETION, ['k'.repeat(100_000)]: 1 }))
    expect(long.message.length).toBeLessThan(200)
  })
})
