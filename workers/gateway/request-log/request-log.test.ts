import { describe, expect, it } from 'vitest'
import { HOST_LOST, hashed, scripted } from '../../../test/contract/fake-engine.ts'
import { testGateway } from '../../../test/contract/test-gateway.ts'
import type { TestGatewayOptions } from '../../../test/contract/test-gateway.ts'
import { demoCodec, demoModel } from '../../../test/contract/demo-model.ts'
import { moeError } from '../../../shared/protocol/errors.ts'

const SECRET = 'a very private question'
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: SECRET }] }
/** Of each generating route a request of so many tokens. */
const ROUTES = [
  ['/v1/chat/completions', (tokens: number): object => ({ ...CHAT, max_tokens: tokens })],
  ['/v1/completions', (tokens: number): object => ({ model: 'isomoe-demo', prompt: SECRET, max_tokens: tokens })],
  ['/v1/responses', (tokens: number): object => ({ model: 'isomoe-demo', input: SECRET, max_output_tokens: tokens })],
  ['/v1/messages', (tokens: number): object => ({ ...CHAT, max_tokens: tokens })],
] as const
const endless: TestGatewayOptions = { nextToken: hashed(6000) }

/** Each look at the clock is 10 ms later. */
function ticking() {
  let nowMs = 1_800_000_000_000
  return () => (nowMs += 10)
}

describe.each(ROUTES)('POST %s', (route, bodyOf) => {
  const body = bodyOf(20)

  it('[MT6] an answer: one line, when it is whole', async () => {
    const { post, lines } = testGateway({ ...endless, cachedTokens: 2, nowMs: ticking() })
    await (await post(route, body)).json()
    const [line] = lines
    expect(lines).toHaveLength(1)
    expect(line).toMatchObject({
      level: 'info',
      worker: 'gateway',
      request_id: 'req_00000001',
      key: null,
      method: 'POST',
      route,
      status: 200,
      code: null,
      model: 'isomoe-demo',
      stream: false,
      completion_tokens: 20,
      cached_tokens: 2,
      finish_reasons: ['length'],
      queue_ms: 3,
      aborted: false,
    })
    expect(line!.prompt_tokens).toBeGreaterThan(2)
    expect(line!.ttft_ms).toBeGreaterThan(0)
    expect(line!.total_ms).toBeGreaterThan(line!.ttft_ms!)
  })

  it('[MT6] a stream: one line, when its last byte was taken and not before', async () => {
    const { post, lines } = testGateway(endless)
    const response = await post(route, { ...body, stream: true })
    const reader = response.body!.getReader()
    for (let next = await reader.read(); !next.done; next = await reader.read()) expect(lines).toEqual([])
    expect(lines).toMatchObject([{ status: 200, stream: true, completion_tokens: 20, finish_reasons: ['length'], aborted: false, code: null }])
  })

  it('[MT6] a client that leaves its stream: one line, with what it cost until then', async () => {
    const { post, lines } = testGateway(endless)
    const response = await post(route, { ...bodyOf(500), stream: true })
    const reader = response.body!.getReader()
    for (let chunks = 0; chunks < 9; chunks++) await reader.read()
    await reader.cancel()
    expect(lines).toMatchObject([{ status: 200, stream: true, aborted: true, finish_reasons: [null], level: 'info' }])
    expect(lines[0]!.completion_tokens).toBeGreaterThan(0)
    expect(lines[0]!.completion_tokens).toBeLessThan(500)
  })

  it('[MT6] a client that leaves while its answer is made: one line', async () => {
    const controller = new AbortController()
    const { post, lines } = testGateway({
      nextToken(at) {
        if (at.position === 3) controller.abort()
        return hashed(6000)(at)
      },
    })
    await post(route, bodyOf(500), controller.signal)
    expect(lines).toMatchObject([{ stream: false, aborted: true, finish_reasons: [null], status: 499, code: null, level: 'info' }])
  })

  it('[MT6] a failure in the middle: one line with the code that the client was told', async () => {
    const failing = { ...endless, failure: { afterSteps: 2, error: HOST_LOST } }
    const streamed = testGateway(failing)
    await (await streamed.post(route, { ...body, stream: true })).text()
    expect(streamed.lines).toMatchObject([
      { status: 200, stream: true, code: 'host_unavailable', completion_tokens: 2, finish_reasons: [null], aborted: false },
    ])
    const whole = testGateway(failing)
    await whole.post(route, body)
    expect(whole.lines).toMatchObject([{ status: 503, stream: false, code: 'host_unavailable', level: 'error', completion_tokens: 2 }])
  })

  it('[MT6] a fault of ours in the middle: one line of level error, and another one with its cause', async () => {
    const codec = demoCodec()
    let calls = 0
    const decode = (ids: readonly number[]) => (++calls > 8 ? expect.fail('a broken tokenizer') : codec.decode(ids))
    const { post, lines, logged } = testGateway({ ...endless, model: { ...demoModel(), codec: { ...codec, decode } } })
    await (await post(route, { ...body, stream: true })).text()
    expect(lines).toMatchObject([{ status: 200, code: 'internal_error', level: 'error', finish_reasons: [null], aborted: false }])
    expect(logged).toEqual(['an answer failed in the middle'])
  })

  it('[MT6] a refusal: one line with its status and code', async () => {
    const { post, lines, engine } = testGateway(endless)
    await post(route, '{')
    await post(route, { ...body, temperature: 9 })
    await post(route, { ...body, model: 'another' })
    engine.refusal = moeError('overloaded', 'full', { retryAfterS: 1 })
    await post(route, body)
    expect(lines.map(({ status, code, route: at }) => [status, code, at])).toEqual([
      [400, 'invalid_json', route],
      [400, 'invalid_value', route],
      [404, 'model_not_found', route],
      [429, 'overloaded', route],
    ])
  })

  it('[MT7] nothing of the prompt or of the answer is in a line, unless the deployment asks for prompts', async () => {
    for (const stream of [false, true]) {
      const quiet = testGateway({ nextToken: scripted(demoCodec().encode(' forty-two and no more', false), 2) })
      await (await quiet.post(route, { ...body, stream })).text()
      expect(JSON.stringify(quiet.lines)).not.toMatch(/private|question|forty/)
      expect(quiet.lines[0]).not.toHaveProperty('prompts')
      const open = testGateway({ ...endless, logPrompts: true })
      await (await open.post(route, { ...body, stream })).text()
      expect(open.lines[0]!.prompts).toEqual([expect.stringContaining(SECRET)])
    }
  })
})

it('[MT6] every other route has its line, too: named as it is declared, nothing of its path', async () => {
  const { app, post, lines, autoscaler } = testGateway()
  const get = async (path: string) => (await app.request(path)).body?.cancel()
  await get('/health')
  await get('/metrics')
  await get('/v1/models/secret-name')
  await get('/nowhere/secret-name?key=secret')
  await get('/v1/completions')
  await post('/tokenize', { prompt: 'a' })
  autoscaler.isLost = true
  await get('/admin/events')
  expect(lines.map(({ method, route, status, code }) => [method, route, status, code])).toEqual([
    ['GET', '/health', 200, null],
    ['GET', '/metrics', 200, null],
    ['GET', '/v1/models/:id', 404, 'model_not_found'],
    ['GET', null, 404, 'not_found'],
    ['GET', null, 405, 'method_not_allowed'],
    ['POST', '/tokenize', 200, null],
    ['GET', '/admin/events', 503, 'host_unavailable'],
  ])
  expect(JSON.stringify(lines)).not.toContain('secret')
})

it('[MT6] a listener of scale events has its line when it leaves', async () => {
  const { app, lines } = testGateway()
  const response = await app.request('/admin/events')
  expect(lines).toEqual([])
  await response.body!.cancel()
  expect(lines).toMatchObject([{ route: '/admin/events', stream: true, aborted: true, finish_reasons: [] }])
})

it('[MT6] who asks for the head of a stream has a line, and leaves no stream behind', async () => {
  const { app, lines, autoscaler } = testGateway()
  await app.request('/admin/events', { method: 'HEAD' })
  expect(lines).toMatchObject([{ method: 'HEAD', route: '/admin/events', status: 200, aborted: false }])
  expect(autoscaler.listeners.count()).toBe(0)
})

it('[MT6] a client that is gone before its stream is read has one line', async () => {
  const { post, lines } = testGateway(endless)
  const controller = new AbortController()
  const response = await post('/v1/completions', { ...ROUTES[1][1](500), stream: true }, controller.signal)
  controller.abort()
  await response.body!.cancel()
  expect(lines).toMatchObject([{ stream: true, aborted: true }])
})

it('[MT6] a sink that fails costs no answer and no other sink its line', async () => {
  const { post, lines, logged } = testGateway({ ...endless, failingSink: true })
  expect((await post('/v1/completions', ROUTES[1][1](2))).status).toBe(200)
  expect([lines.length, logged]).toEqual([1, ['a sink of request lines failed']])
})
