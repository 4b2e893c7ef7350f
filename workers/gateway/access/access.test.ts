import { describe, expect, it } from 'vitest'
import { ADMIN_KEY, API_KEY, bearer, keyedGateway, OTHER_KEY, sha256 } from '../../../test/contract/keyed-gateway.ts'
import { outcome, TEST_PAGE, testGateway } from '../../../test/contract/test-gateway.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { readAccess } from './access-settings.ts'

const API_ROUTES = [
  '/v1/models',
  '/v1/models/x',
  '/v1/completions',
  '/v1/chat/completions',
  '/v1/responses',
  '/tokenize',
  '/detokenize',
  '/apply-template',
  '/nowhere',
  '/healthz',
]
const ADMIN_ROUTES = ['/admin/state', '/admin/events', '/admin/scale', '/admin/policy', '/admin', '/admin/nowhere', '/metrics']
const LOCAL = { ACCESS: 'loopback' }

describe('a deployed server with keys', () => {
  it.each(API_ROUTES)('[KY2] %s needs an API key', async (path) => {
    const { get } = keyedGateway()
    for (const headers of [{}, bearer('imk_wrong'), { authorization: 'Basic YTpi' }, bearer('k'.repeat(300)), { 'x-api-key': '' }]) {
      const refused = await outcome(get(path, headers))
      expect(refused).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'invalid_request_error' })
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="isomoe"')
      expect(refused.headers.get('x-request-id')).not.toBeNull()
    }
    for (const headers of [bearer(API_KEY), { authorization: `bearer ${OTHER_KEY}` }, { 'x-api-key': API_KEY }]) {
      expect((await get(path, headers)).status).not.toBe(401)
    }
    expect(await outcome(get(path, bearer(ADMIN_KEY)))).toMatchObject({ status: 403, code: 'forbidden' })
  })

  it.each(ADMIN_ROUTES)('[KY2] %s needs the admin key', async (path) => {
    const { get } = keyedGateway()
    expect(await outcome(get(path))).toMatchObject({ status: 401, code: 'invalid_api_key', message: expect.stringContaining('No admin key') })
    expect(await outcome(get(path, bearer('imk_wrong')))).toMatchObject({ status: 401, message: 'This admin key is not known here.' })
    expect(await outcome(get(path, bearer(API_KEY)))).toMatchObject({ status: 403, code: 'forbidden' })
    const admitted = await get(path, bearer(ADMIN_KEY))
    expect([401, 403, 503]).not.toContain(admitted.status)
    await admitted.body?.cancel()
  })

  it('[KY2] [AP14] Anthropic clients send x-api-key and read errors in their own form', async () => {
    const { get } = keyedGateway()
    const refused = await get('/v1/messages', { 'x-api-key': 'imk_wrong' })
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="isomoe"'])
    expect(await refused.json()).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
    expect((await get('/v1/messages', { 'x-api-key': API_KEY })).status).toBe(405)
    expect(await (await get('/v1/messages', bearer(ADMIN_KEY))).json()).toMatchObject({ error: { type: 'permission_error' } })
  })

  it('[KY2] a path that only looks like another has the door of the one that it is routed to', async () => {
    const { get } = keyedGateway()
    for (const path of [
      '//admin/state',
      '/ADMIN/state',
      '/admin%2fstate',
      '/%61dmin/state',
      '/v1/../admin/state',
      '/admin/./state',
      '/./metrics',
      '/health/',
    ]) {
      const { status } = await get(path)
      expect([path, status]).toEqual([path, 401])
      const keyed = await outcome(get(path, bearer(API_KEY)))
      expect([path, [403, 404].includes(keyed.status)]).toEqual([path, true])
    }
  })

  it('[KY2] /health says to a stranger that it is up, and wakes nobody; to a key what it would meet', async () => {
    const { get, engine } = keyedGateway()
    let asked = 0
    const { status } = engine
    engine.status = () => {
      asked++
      return status.call(engine)
    }
    expect(await (await get('/health')).json()).toEqual({ status: 'up' })
    expect(await (await get('/health', bearer('imk_wrong'))).json()).toEqual({ status: 'up' })
    expect(asked).toBe(0)
    for (const key of [API_KEY, ADMIN_KEY]) expect(await (await get('/health', bearer(key))).json()).toEqual({ status: 'ok', model: 'isomoe-demo' })
  })

  it('[KY2] a client that asks nothing of the model needs no key: the page and the description are open', async () => {
    const { get } = keyedGateway()
    expect((await get('/')).status).toBe(200)
    expect((await get('/openapi.json')).status).toBe(200)
  })
})

describe('a deployed server without keys', () => {
  it.each([...API_ROUTES, '/health'])('[KY2] %s is closed, and says why', async (path) => {
    const { app } = testGateway({ access: { ACCESS: 'keys' } })
    for (const url of [path, `http://127.0.0.1${path}`]) {
      const closed = await outcome(app.request(url, { headers: bearer(API_KEY) }))
      expect(closed).toMatchObject({ status: 503, code: 'no_keys', message: expect.stringContaining('API_KEYS') })
      expect(closed.headers.get('retry-after')).toBeNull()
    }
  })

  it.each(ADMIN_ROUTES)('[KY2] %s is closed without an admin key, and names it', async (path) => {
    const bare = testGateway({ access: { ACCESS: 'keys' } }).app
    const keyed = testGateway({ access: { ACCESS: 'keys', API_KEYS: `alice:${sha256(API_KEY)}` } }).app
    for (const app of [bare, keyed]) {
      expect(await outcome(app.request(path))).toMatchObject({ status: 503, code: 'no_keys', message: expect.stringContaining('ADMIN_KEY') })
    }
    expect(await outcome(keyed.request(path, { headers: bearer(API_KEY) }))).toMatchObject({ status: 403 })
  })

  it.each(['loopback', 'keys'])('[KY1] a list that cannot be read closes everything, with ACCESS %s too', async (ACCESS) => {
    for (const broken of [{ API_KEYS: `alice:${sha256(API_KEY)} mallory:secret` }, { ADMIN_KEY: 'secret' }]) {
      const { app } = testGateway({ access: { ACCESS, ...broken } })
      for (const path of [...API_ROUTES, ...ADMIN_ROUTES, '/health']) {
        const closed = await outcome(app.request(path, { headers: bearer(API_KEY) }))
        expect(closed).toMatchObject({ status: 503, code: 'keys_invalid' })
        expect(closed.message).not.toMatch(/secret|mallory|[0-9a-f]{32}/)
      }
    }
  })

  it('[KY1] a setting that is no secret and wrong stops the deployment', () => {
    expect(() => readAccess({ ACCESS: 'open' })).toThrow("setting ACCESS is 'open'")
    expect(() => readAccess({ ACCESS: 'keys', CORS_ORIGINS: 'https://a.example/path' })).toThrow('setting CORS_ORIGINS has')
  })
})

describe('a local server', () => {
  const local = (headers: Record<string, string>, url = 'http://127.0.0.1:8787', vars = {}) =>
    outcome(testGateway({ access: { ...LOCAL, ...vars } }).app.request(`${url}/v1/models`, { headers }))

  it.each(['127.0.0.1:8787', '127.1.2.3', 'localhost', 'LOCALHOST:1', '[::1]:8787', '2130706433'])('[KY3] needs no key on %s', async (host) => {
    expect((await local({ host }, `http://${host}`)).status).toBe(200)
    expect((await local({ host, ...bearer('any') }, `http://${host}`)).status).toBe(200)
  })

  it.each(['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '192.168.0.7', '[::2]', '0.0.0.0', 'notlocalhost'])(
    '[KY3] refuses what came under the name %s, in the URL or as Host',
    async (host) => {
      expect(await local({ host: '127.0.0.1' }, `http://${host}`)).toMatchObject({ status: 403, code: 'forbidden' })
      expect(await local({ host })).toMatchObject({ status: 403, code: 'forbidden' })
    },
  )

  it('[KY3] refuses pages of other origins, takes its own and those in the list', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1.evil.example', 'file://', 'garbage', '']) {
      expect([origin, (await local({ origin })).status]).toEqual([origin, 403])
    }
    for (const origin of ['http://localhost:3000', 'http://127.0.0.1:8787', 'https://[::1]']) expect((await local({ origin })).status).toBe(200)
    expect((await local({ origin: 'https://app.example' }, undefined, { CORS_ORIGINS: 'https://app.example' })).status).toBe(200)
    expect((await local({ origin: 'https://evil.example' }, undefined, { CORS_ORIGINS: 'https://app.example' })).status).toBe(403)
    expect((await local({ origin: 'https://evil.example' }, undefined, { CORS_ORIGINS: '*' })).status).toBe(200)
  })

  it('[KY3] asks for keys where they are set, each list for its own doors', async () => {
    const keys = { API_KEYS: `alice:${sha256(API_KEY)}` }
    expect((await local({}, undefined, keys)).status).toBe(401)
    expect((await local(bearer(API_KEY), undefined, keys)).status).toBe(200)
    const { app } = testGateway({ access: { ...LOCAL, ...keys } })
    expect((await app.request('/admin/state')).status).toBe(200)
    expect((await app.request('/admin/state', { headers: bearer(API_KEY) })).status).toBe(403)
    expect(await (await app.request('/health')).json()).toEqual({ status: 'ok', model: 'isomoe-demo' })
    const admin = testGateway({ access: { ...LOCAL, ADMIN_KEY: sha256(ADMIN_KEY) } }).app
    expect((await admin.request('/admin/state')).status).toBe(401)
    expect((await admin.request('/admin/state', { headers: bearer(ADMIN_KEY) })).status).toBe(200)
    expect((await admin.request('/v1/models')).status).toBe(200)
  })

  it('[KY3] guards /admin and /health as it guards the API', async () => {
    const { app } = testGateway()
    const foreign = { headers: { origin: 'https://evil.example' } }
    for (const path of ADMIN_ROUTES) expect(await outcome(app.request(path, foreign))).toMatchObject({ status: 403 })
    expect(await (await app.request('/health', foreign)).json()).toEqual({ status: 'up' })
  })

  it('[KY7] without keys nobody is asked for limits', async () => {
    const { post, limiters, timer } = testGateway()
    expect((await post('/v1/completions', { model: 'isomoe-demo', prompt: 'a' })).status).toBe(200)
    expect([limiters.calls, timer.pending()]).toEqual([[], 0])
  })
})

describe('browsers', () => {
  const preflight = { origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' }
  const withOrigins = (CORS_ORIGINS: string) => testGateway({ access: { ACCESS: 'keys', API_KEYS: `alice:${sha256(API_KEY)}`, CORS_ORIGINS } }).app

  it('[KY9] a page of a listed origin may ask and read what it needs, errors too', async () => {
    const app = withOrigins('https://app.example, https://other.example')
    const asked = await app.request('/v1/models', { method: 'OPTIONS', headers: preflight })
    expect(asked.status).toBe(204)
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-headers': 'authorization,content-type',
      'access-control-allow-methods': 'GET,POST',
    })
    const refused = await app.request('/v1/models', { headers: { origin: 'https://app.example' } })
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, 'https://app.example'])
    const exposed = refused.headers.get('access-control-expose-headers')
    for (const name of ['x-request-id', 'retry-after', 'x-ratelimit-remaining-tokens']) expect(exposed).toContain(name)
    expect(refused.headers.get('access-control-allow-credentials')).toBeNull()
    for (const [status, url, headers] of [
      [415, '/v1/models', { 'content-encoding': 'gzip' }],
      [431, '/v1/models', { x: 'a'.repeat(LIMITS.headerBytesMax) }],
      [414, `/v1/models?${'a'.repeat(LIMITS.urlCharsMax)}`, {}],
      [404, '/nowhere', bearer(API_KEY)],
      [405, '/v1/completions', bearer(API_KEY)],
    ] as const) {
      const reply = await app.request(url, { headers: { origin: 'https://app.example', ...headers } })
      expect([reply.status, reply.headers.get('access-control-allow-origin')]).toEqual([status, 'https://app.example'])
      expect(reply.headers.get('x-request-id')).not.toBeNull()
    }
  })

  it('[KY9] a page of another origin is told nothing; nor is any where no origin is listed', async () => {
    for (const app of [withOrigins('https://other.example'), withOrigins('')]) {
      const asked = await app.request('/v1/models', { method: 'OPTIONS', headers: preflight })
      expect(asked.headers.get('access-control-allow-origin')).toBeNull()
      const read = await app.request('/v1/models', { headers: { ...bearer(API_KEY), origin: 'https://app.example' } })
      expect(read.headers.get('access-control-allow-origin')).toBeNull()
    }
    expect((await withOrigins('*').request('/v1/models', { headers: preflight })).headers.get('access-control-allow-origin')).toBe('*')
  })

  it('[KY9] answers of the API cannot be framed, sniffed or run as a page; the page at / says its own', async () => {
    const { get } = keyedGateway()
    const headers = Object.fromEntries((await get('/v1/models', bearer(API_KEY))).headers)
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    })
    const page = (await get('/')).headers
    expect([page.get('content-security-policy'), page.get('x-frame-options')]).toEqual([TEST_PAGE.contentSecurityPolicy, null])
  })
})
