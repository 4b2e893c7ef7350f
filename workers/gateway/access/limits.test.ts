import { describe, expect, it } from 'vitest'
import { ADMIN_KEY, API_KEY, bearer, keyedGateway, OTHER_KEY, sha256 } from '../../../test/contract/keyed-gateway.ts'
import { hashed, HOST_LOST, scripted } from '../../../test/contract/fake-engine.ts'
import { demoCodec, demoModel } from '../../../test/contract/demo-model.ts'
import { outcome } from '../../../test/contract/test-gateway.ts'
import { moeError } from '../../../shared/protocol/errors.ts'
import { settled } from '../../../test/fixtures/hand-wound-timer.ts'

const COMPLETION = { model: 'isomoe-demo', prompt: 'Once upon a time' } // 4 tokens
const CHAT = { model: 'isomoe-demo', messages: [{ role: 'user', content: 'hi' }] }
const ENDLESS = { nextToken: hashed(6144) }

/** What the headers of a reply say of one limit. */
function levels({ headers }: { readonly headers: Headers }, name: 'requests' | 'tokens') {
  return ['limit', 'remaining', 'reset'].map((what) => headers.get(`x-ratelimit-${what}-${name}`))
}

describe('requests a minute', () => {
  it('[KY4] headers count down, then 429 with a retry-after that is true', async () => {
    const { send, limiters } = keyedGateway('rpm=2')
    const first = await send('/v1/completions', COMPLETION)
    expect([first.status, levels(first, 'requests'), levels(first, 'tokens')]).toEqual([200, ['2', '1', '30s'], [null, null, null]])
    expect(levels(await send('/v1/chat/completions', { ...CHAT, stream: true }), 'requests')).toEqual(['2', '0', '1m0s'])
    const refused = await outcome(send('/v1/completions', COMPLETION))
    expect(refused).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' })
    expect([levels(refused, 'requests'), refused.headers.get('retry-after')]).toEqual([['2', '0', '1m0s'], '30'])
    limiters.nowMs += 100
    expect((await send('/v1/completions', COMPLETION)).headers.get('retry-after')).toBe('30') // of 29.9: after 29 it would not be true
    limiters.nowMs += 29_900
    expect((await send('/v1/completions', COMPLETION)).status).toBe(200)
  })

  it('[KY4] a key that is known to have no request left costs no work, until time gave one back', async () => {
    const { send, limiters, model } = keyedGateway('rpm=2,tpm=100000')
    let encoded = 0
    const encode = model.codec!.encode.bind(model.codec)
    Object.assign(model.codec!, { encode: (...args: Parameters<typeof encode>) => (encoded++, encode(...args)) })
    for (let i = 0; i < 3; i++) await send('/v1/completions', COMPLETION)
    expect([encoded, limiters.calls.filter((call) => call === 'admit').length]).toEqual([3, 3])
    limiters.nowMs += 10_000
    for (const [path, body] of [
      ['/v1/completions', COMPLETION],
      ['/v1/chat/completions', CHAT],
      ['/v1/responses', { model: 'isomoe-demo', input: 'hi' }],
      ['/v1/messages', { ...CHAT, max_tokens: 5 }],
    ] as const) {
      const refused = await send(path, body)
      expect([refused.status, refused.headers.get('retry-after'), levels(refused, 'requests')]).toEqual([429, '20', ['2', '0', '50s']])
    }
    expect([encoded, limiters.calls.filter((call) => call === 'admit').length]).toEqual([3, 3])
    expect((await send('/v1/completions', COMPLETION, OTHER_KEY)).status).toBe(200)
    limiters.nowMs += 20_000
    expect((await send('/v1/completions', COMPLETION)).status).toBe(200)
    await send('/v1/completions', COMPLETION)
    limiters.nowMs -= 3_600_000 // a clock that was set back: the limiter is asked, which has one of its own
    await send('/v1/completions', COMPLETION)
    expect(limiters.calls.filter((call) => call === 'admit')).toHaveLength(6)
  })

  it('[KY4] of 64 requests at once a limit of 10 admits exactly 10', async () => {
    const { send } = keyedGateway('rpm=10')
    const replies = await Promise.all(Array.from({ length: 64 }, () => send('/v1/completions', COMPLETION)))
    expect(replies.map(({ status }) => status).toSorted()).toEqual([...Array<number>(10).fill(200), ...Array<number>(54).fill(429)])
  })

  it('[KY4] work on texts counts; lists, health and what is refused before work do not', async () => {
    const { send, get, limiters } = keyedGateway('rpm=3')
    await get('/v1/models', bearer(API_KEY))
    await get('/health', bearer(API_KEY))
    await get('/nowhere', bearer(API_KEY))
    await send('/v1/completions', { ...COMPLETION, frob: 1 })
    expect(limiters.calls).toEqual([])
    expect(levels(await send('/tokenize', { prompt: 'a' }), 'requests')).toEqual(['3', '2', '20s'])
    await send('/detokenize', { tokens: [5] })
    await send('/apply-template', { messages: CHAT.messages })
    expect(await outcome(send('/tokenize', { prompt: 'a' }))).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
    expect((await get('/v1/models', bearer(API_KEY))).status).toBe(200)
  })

  it('[KY5] the line of a request names its key, by name', async () => {
    const { send, get, lines } = keyedGateway()
    await send('/tokenize', { prompt: 'a' }, OTHER_KEY)
    await get('/v1/models', bearer('imk_wrong'))
    await get('/admin/state', bearer(ADMIN_KEY))
    expect(lines.map(({ key }) => key)).toEqual(['bob', null, null])
  })

  it('[KY5] keys do not count for each other, and one without limits asks nobody', async () => {
    const { send, limiters } = keyedGateway('rpm=1')
    await send('/v1/completions', COMPLETION)
    expect((await send('/v1/completions', COMPLETION)).status).toBe(429)
    limiters.calls.length = 0
    const free = await send('/v1/completions', COMPLETION, OTHER_KEY)
    expect([free.status, levels(free, 'requests'), limiters.calls]).toEqual([200, [null, null, null], []])
  })
})

describe('tokens a minute', () => {
  it('[KY5] reserves prompt and max_tokens, and settles with what was used', async () => {
    const { send, limiters } = keyedGateway('tpm=1000', { nextToken: scripted([5, 6, 7], 2) })
    const reply = await send('/v1/completions', { ...COMPLETION, max_tokens: 100, n: 2 })
    expect(levels(reply, 'tokens')).toEqual(['1000', String(1000 - 4 - 2 * 100), '12.24s'])
    expect(await reply.json()).toMatchObject({ usage: { total_tokens: 10 } })
    expect(limiters.state('alice')).toMatchObject({ tokens: { spent: 10 * 60_000 }, leases: [] })
  })

  it('[KY5] what was refused by the engine is given back; what failed half-way counts as far as it came', async () => {
    const refused = keyedGateway('tpm=1000')
    refused.engine.refusal = moeError('overloaded', 'full', { retryAfterS: 3 })
    expect(await outcome(refused.send('/v1/completions', COMPLETION))).toMatchObject({ status: 429, code: 'overloaded' })
    expect(refused.limiters.state('alice')).toMatchObject({ tokens: { spent: 0 }, leases: [] })

    const broken = keyedGateway('tpm=1000', { ...ENDLESS, failure: { afterSteps: 3, error: HOST_LOST } })
    expect((await broken.send('/v1/completions', { ...COMPLETION, max_tokens: 50 })).status).toBe(503)
    expect(broken.limiters.state('alice')).toMatchObject({ tokens: { spent: 7 * 60_000 }, leases: [] })
  })

  it('[KY5] a request that no minute could hold is 400, and names the bound', async () => {
    const { send } = keyedGateway('tpm=50')
    const refused = await outcome(send('/v1/completions', { ...COMPLETION, max_tokens: 47 }))
    expect(refused).toMatchObject({ status: 400, code: 'invalid_value', param: 'max_tokens', message: expect.stringMatching(/\b51 tokens.*\b50 a minute/) })
    expect(refused.headers.get('retry-after')).toBeNull()
    expect((await send('/v1/completions', { ...COMPLETION, max_tokens: 46 })).status).toBe(200)
  })
})

describe('tokens of an engine that loads', () => {
  /** An engine that holds less than the model has, and says so when it was waited for. */
  function waking(engineContextTokens: number) {
    const gateway = keyedGateway('tpm=500', {
      engineContextTokens,
      async wait() {
        gateway.engine.engineStatus = ready
      },
    })
    const ready = gateway.engine.engineStatus
    gateway.engine.engineStatus = { state: 'loading', bytesRead: 0, bytesTotal: 1 }
    return gateway
  }

  it('[KY5] nothing is too large for a minute cold that is not so warm', async () => {
    expect((await waking(400).send('/v1/chat/completions', CHAT)).status).toBe(200)
    expect(await outcome(waking(800).send('/v1/chat/completions', CHAT))).toMatchObject({
      status: 400,
      param: 'max_tokens',
      message: expect.stringContaining('800 tokens'),
    })
  })
})

describe('requests under way', () => {
  const STREAM = { ...COMPLETION, max_tokens: 1000, stream: true }

  it('[KY6] an answer that is read to its end frees its slot', async () => {
    const { send } = keyedGateway('concurrent=1', ENDLESS)
    const open = await send('/v1/completions', STREAM) // long: it is made whether or not it is read
    const refused = await outcome(send('/v1/completions', COMPLETION))
    expect(refused).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
    expect(refused.headers.get('retry-after')).toBe('1')
    await open.text()
    expect((await send('/v1/completions', COMPLETION)).status).toBe(200)
  })

  it('[KY6] so does a client that leaves, from a stream, from an answer in one piece, and while the limiter is asked', async () => {
    const { send, limiters, engine } = keyedGateway('concurrent=1', ENDLESS)
    const stream = await send('/v1/completions', STREAM)
    await stream.body?.cancel()
    await settled()
    expect(limiters.state('alice').leases).toEqual([])

    const gone = new AbortController()
    const whole = send('/v1/chat/completions', { ...CHAT, max_tokens: 1500 }, API_KEY, gone.signal)
    while ((await engine.state()).running === 0) await settled()
    expect(limiters.state('alice').leases).toHaveLength(1)
    gone.abort()
    await whole
    expect(limiters.state('alice').leases).toEqual([])

    const early = new AbortController()
    const asked = limiters.of.bind(limiters)
    limiters.of = (name) => ({
      ...asked(name),
      admit: (...args) =>
        asked(name)
          .admit(...args)
          .finally(() => early.abort()),
    })
    const { steps } = await engine.state()
    await send('/v1/completions', { ...COMPLETION, max_tokens: 1500 }, API_KEY, early.signal)
    await settled()
    const after = await engine.state()
    expect([limiters.state('alice').leases, after.running]).toEqual([[], 0])
    expect(after.steps - steps).toBeLessThan(3)
  })

  it('[KY6] and one that fails', async () => {
    const { send, limiters } = keyedGateway('concurrent=1', { ...ENDLESS, failure: { afterSteps: 2, error: HOST_LOST } })
    await (await send('/v1/completions', STREAM)).text()
    expect(limiters.state('alice').leases).toEqual([])
  })

  it('[KY6] and a fault of ours before the first token', async () => {
    const fault = () => {
      throw new Error('a fault')
    }
    const model = { ...demoModel(), codec: { ...demoCodec(), decode: fault } }
    for (const options of [{ model }, { model, logPrompts: true }]) {
      const { send, limiters, timer, engine } = keyedGateway('concurrent=1', { ...ENDLESS, ...options })
      for (const [path, body] of [
        ['/v1/completions', STREAM],
        ['/v1/chat/completions', { ...CHAT, max_tokens: 1000, stream: true }],
      ] as const) {
        const reply = await send(path, body)
        if (reply.status === 200) await reply.text()
        await settled()
        expect([path, limiters.state('alice').leases, timer.pending(), (await engine.state()).running]).toEqual([path, [], 0, 0])
      }
    }
  })

  it('[KY6] a long answer is renewed while it runs, and no longer', async () => {
    const { send, limiters, timer } = keyedGateway('concurrent=1', ENDLESS)
    const stream = await send('/v1/completions', STREAM)
    await timer.pass()
    await timer.pass()
    expect(limiters.calls).toEqual(['admit', 'renew', 'renew'])
    await stream.body?.cancel()
    await settled()
    expect([limiters.calls.at(-1), timer.pending()]).toEqual(['settle', 0])
  })
})

describe('max_tokens of a key', () => {
  it('[KY5] asking for more is 400 with the bound, asking for none is the bound', async () => {
    const { send, engine, limiters } = keyedGateway('max_tokens=8', ENDLESS)
    for (const [path, body] of [
      ['/v1/completions', { ...COMPLETION, max_tokens: 9 }],
      ['/v1/chat/completions', { ...CHAT, max_tokens: 9 }],
      ['/v1/chat/completions', { ...CHAT, max_completion_tokens: 9 }],
    ] as const) {
      expect(await outcome(send(path, body))).toMatchObject({ status: 400, param: 'max_tokens', message: expect.stringContaining('at most 8') })
    }
    for (const [path, body] of [
      ['/v1/completions', COMPLETION],
      ['/v1/chat/completions', CHAT],
      ['/v1/chat/completions', { ...CHAT, max_tokens: 3 }],
    ] as const) {
      expect((await send(path, body)).status).toBe(200)
    }
    expect(engine.requests.map(({ maxTokens }) => maxTokens)).toEqual([8, 8, 3])
    expect(limiters.calls).toEqual([])
  })
})

describe('a limiter that fails', () => {
  it('[KY7] is asked twice, then the request is refused: never admitted uncounted', async () => {
    const { send, limiters, engine, logged } = keyedGateway('rpm=5')
    limiters.faults.push(new Error('reset'))
    expect((await send('/v1/completions', COMPLETION)).status).toBe(200)
    limiters.faults.push(new Error('reset'), new Error('reset'))
    const refused = await outcome(send('/v1/completions', COMPLETION))
    expect(refused).toMatchObject({ status: 503, code: 'limiter_unavailable' })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect([engine.requests.length, logged]).toEqual([1, Array(3).fill('a call of the limiter failed')])
  })

  it('[KY7] that does not answer in its time is a failure, too', async () => {
    const { send, limiters, timer } = keyedGateway('rpm=5')
    limiters.of = () => ({ admit: () => new Promise(() => {}), renew: async () => {}, settle: async () => {} })
    const asked = outcome(send('/v1/completions', COMPLETION))
    while (timer.pending() === 0) await settled()
    await timer.pass()
    expect(await asked).toMatchObject({ status: 503, code: 'limiter_unavailable' })
  })

  it('[KY6] a request that cannot be settled is tried once more, and its lease ends by itself', async () => {
    const { send, limiters } = keyedGateway('concurrent=1')
    const asked = limiters.of.bind(limiters)
    limiters.of = (name) => ({ ...asked(name), settle: () => Promise.reject(new Error('reset')) })
    expect((await send('/v1/completions', COMPLETION)).status).toBe(200)
    limiters.of = asked
    expect((await send('/v1/completions', COMPLETION)).status).toBe(429)
    limiters.nowMs += 90_000
    expect((await send('/v1/completions', COMPLETION)).status).toBe(200)
  })
})

it('[KY10] neither a key nor its hash is in any reply, header or log', async () => {
  const { get, send, logged, engine, limiters, app, lines } = keyedGateway('rpm=4,tpm=5000,concurrent=2')
  const replies: Response[] = [await get('/v1/models'), await app.request('/v1/models?key=imk_alice-secret', { headers: bearer('imk_alice-secreT') })]
  for (const key of [API_KEY, OTHER_KEY, ADMIN_KEY]) {
    for (const path of ['/', '/health', '/v1/models', '/v1/models/x', '/admin/state', '/metrics', '/nowhere']) replies.push(await get(path, bearer(key)))
    replies.push(await send('/v1/completions', COMPLETION, key), await send('/v1/chat/completions', { ...CHAT, frob: 1 }, key))
  }
  engine.generate = () => Promise.reject(new Error('broken'))
  limiters.faults.push(new Error('reset'), new Error('reset'))
  for (let i = 0; i < 6; i++) replies.push(await send('/v1/completions', COMPLETION))
  const said = await Promise.all(replies.map(async (reply) => JSON.stringify([...reply.headers]) + (await reply.text())))
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200, 400, 401, 403, 404, 429, 503]))
  for (const secret of [API_KEY, OTHER_KEY, ADMIN_KEY].flatMap((key) => [key, sha256(key)])) {
    for (const text of [...said, ...logged, JSON.stringify(lines)]) expect(text).not.toContain(secret)
  }
})
