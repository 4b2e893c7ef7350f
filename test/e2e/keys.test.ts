import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addKey } from '../../cli/keys/change-keys.ts'
import { NO_LIMITS } from '../../shared/protocol/key-list.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { startInstance } from './instance.ts'
import type { Instance } from './instance.ts'
import { fixturePack } from './pack-fixtures.ts'

/** A step takes 0.1 s at least, the answer some seconds: there is time to leave it. */
const TOKENS = 50

/** Keys by name, made as a user makes them; no admin key, so /admin is open to this machine. */
const keys: Record<string, string> = {}
let folder: string
let instance: Instance
let model: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isomoe-keys-'))
  const place = { file: join(folder, 'keys.json'), script: null, push: () => Promise.reject(new Error('nothing is deployed')) }
  keys['three'] = await addKey(place, 'three', { ...NO_LIMITS, requestsPerMin: 3 })
  keys['one'] = await addKey(place, 'one', { ...NO_LIMITS, concurrent: 1, tokensPerMin: 100_000 })
  instance = await startInstance(['--model', fixturePack('olmoe'), '--hosts', '1', '--keys', place.file, '--rtt-ms', '50'])
  const models = (await (await ask('/v1/models', 'one')).json()) as { data: { id: string }[] }
  model = models.data[0]!.id
})

afterAll(async () => {
  expect(await instance.stop()).toBe(0)
  await rm(folder, { recursive: true, force: true })
})

function ask(path: string, key: string | null, init: RequestInit = {}): Promise<Response> {
  return fetch(instance.url + path, { ...init, headers: key === null ? {} : { authorization: `Bearer ${keys[key] ?? key}` } })
}

function complete(key: string, fields: object = {}, signal?: AbortSignal): Promise<Response> {
  const body = JSON.stringify({ model, prompt: [1, 2, 3], max_tokens: 1, ...fields })
  return ask('/v1/completions', key, { method: 'POST', body, ...(signal && { signal }) })
}

/** A request as it is written, and the status line of its answer. */
function raw(head: readonly string[]): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect({ port: Number(new URL(instance.url).port), host: '127.0.0.1' })
    let answer = ''
    socket.on('data', (data: Buffer) => (answer += data.toString()))
    socket.on('close', () => done(answer.split('\r\n')[0]!))
    socket.on('error', failed)
    socket.write(`${[...head, 'Connection: close', '', ''].join('\r\n')}`)
  })
}

it('[KY2] the served API asks for a key, and says which request it refused', async () => {
  const refused = await ask('/v1/models', null)
  expect([refused.status, refused.headers.get('www-authenticate'), refused.headers.has('x-request-id')]).toEqual([401, 'Bearer realm="isomoe"', true])
  expect(await refused.json()).toMatchObject({ error: { code: 'invalid_api_key' } })
  expect((await ask('/v1/models', 'imk_wrong')).status).toBe(401)
  expect((await ask('/admin/state', 'one')).status).toBe(403)
  expect((await ask('/admin/state', null)).status).toBe(200)
})

it('[KY3] a page whose name was pointed at this machine is refused, whatever headers it adds', async () => {
  const line = 'GET /admin/state HTTP/1.1'
  expect(await raw([line, 'Host: evil.example'])).toContain(' 403 ')
  expect(await raw([line, 'Host: evil.example', 'MF-Original-URL: http://localhost/admin/state'])).toContain(' 403 ')
  expect(await raw([line, 'Host: localhost', 'Origin: https://evil.example'])).toContain(' 403 ')
  expect(await raw([line, 'Host: localhost'])).toContain(' 200 ')
})

/** Three, so that the fourth flows back after 20 s only: more than the slowest machine takes for all of them. */
it('[KY4] of 64 requests at once a limit of 3 a minute admits exactly 3', async () => {
  const replies = await Promise.all(Array.from({ length: 64 }, () => complete('three')))
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(3)
  const refused = replies.find(({ status }) => status === 429)!
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect([refused.headers.get('x-ratelimit-limit-requests'), refused.headers.get('x-ratelimit-remaining-requests')]).toEqual(['3', '0'])
})

it('[KY6] a client that leaves in the middle of its stream frees its slot long before the answer would end', async () => {
  const steps = async () => ((await (await ask('/admin/state', null)).json()) as { steps: number }).steps
  const before = await steps()
  const gone = new AbortController()
  const open = await complete('one', { max_tokens: TOKENS, stream: true, ignore_eos: true, return_token_ids: true }, gone.signal)
  await open.body!.getReader().read()
  expect((await complete('one')).status).toBe(429)
  gone.abort()
  while ((await complete('one')).status !== 200) await setImmediate() // the test's own time bounds it
  expect((await steps()) - before).toBeLessThan(TOKENS / 2)
})

it('[KY8] header floods and long URLs are refused by name before workerd refuses them', async () => {
  const line = 'GET /v1/models HTTP/1.1'
  const flood = Array.from({ length: LIMITS.headersMax + 1 }, (_, i) => `x${i}: a`)
  expect(await raw([line, 'Host: localhost', ...flood])).toContain(' 431 ')
  expect(await raw([line, 'Host: localhost', `x: ${'a'.repeat(LIMITS.headerBytesMax)}`])).toContain(' 431 ')
  expect(await raw([`GET /v1/models?${'a'.repeat(LIMITS.urlCharsMax)} HTTP/1.1`, 'Host: localhost'])).toContain(' 414 ')
})

it('[KY10] neither a key nor its hash is in what the workers log or dev prints', async () => {
  const said = instance.printed + (await instance.log())
  for (const key of Object.values(keys)) {
    expect(said).not.toContain(key)
    expect(said).not.toContain(createHash('sha256').update(key).digest('hex'))
  }
})
