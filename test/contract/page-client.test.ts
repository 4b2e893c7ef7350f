import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { answerText } from '../../page/chat/answer.ts'
import { createChatStore } from '../../page/chat/chat-store.ts'
import { followEvents, followState } from '../../page/cluster/follow.ts'
import type { ClusterState } from '../../page/cluster/cluster-state.ts'
import { viewCluster } from '../../page/cluster/cluster-view.ts'
import { wantsKey } from '../../page/server/request.ts'
import type { Failure } from '../../page/server/request.ts'
import { scaleEvent } from '../../page/testing/states.ts'
import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { moeError } from '../../shared/protocol/errors.ts'
import { hashed } from './fake-engine.ts'
import { ADMIN_KEY, API_KEY, keyedGateway } from './keyed-gateway.ts'
import { serveApp } from './serve-app.ts'
import type { AppServer } from './serve-app.ts'
import { testGateway } from './test-gateway.ts'
import { demoModel } from './demo-model.ts'

// The live page's own client against the gateway's own app: what one says is what the other reads.

const model = demoModel()
const fetchOverHttp = fetch
let server: AppServer
let gateway: ReturnType<typeof testGateway>
let sent: { readonly path: string; readonly headers: Headers }[]
/** What answers instead of the gateway. */
let instead: ((path: string, init: RequestInit) => Response | Promise<Response> | null) | null

beforeAll(async () => {
  server = await serveApp((request) => gateway.app.fetch(request))
})

afterAll(() => server.close())

beforeEach(() => {
  gateway = testGateway({ nextToken: hashed(model.vocab) })
  sent = []
  instead = null
  vi.stubGlobal('fetch', async (path: string, init: RequestInit) => {
    sent.push({ path, headers: new Headers(init.headers) })
    return (await instead?.(path, init)) ?? fetchOverHttp(server.url + path, init)
  })
})

afterEach(() => {
  vi.unstubAllGlobals()
})

function chatStore() {
  let nowMs = 0
  const store = createChatStore({ nowMs: () => (nowMs += 10), nextPicture: (work) => void setImmediate(work) })
  store.settings.value = { temperature: 1, maxTokens: 40, seed: 5 }
  return store
}

it('[LP2] [LP3] an answer that streams has the text of the one in one piece, and a probability for all of it', async () => {
  const chat = chatStore()
  await chat.submit('Tell me a story.', '')
  const [turn] = chat.turns.value
  const body = { model: model.name, messages: [{ role: 'user', content: 'Tell me a story.' }], temperature: 1, max_tokens: 40, seed: 5 }
  const whole = (await (await gateway.post('/v1/chat/completions', body)).json()) as { choices: { message: { content: string } }[] }
  expect(answerText(turn!.answer)).toBe(whole.choices[0]!.message.content)
  expect(turn!.answer).toMatchObject({ end: { kind: 'finished', reason: 'length' }, tokenCount: 40 })
  expect(turn!.answer.pieces.every(({ tokens }) => tokens.length > 0 && tokens.every(({ top }) => top.length === 5))).toBe(true)
  expect(chat.isRunning.value).toBe(false)
})

it('[LP2] stop ends the answer and the work behind it', async () => {
  const chat = chatStore()
  chat.settings.value = { ...chat.settings.value, maxTokens: 900 }
  const done = chat.submit('Tell me a story.', '')
  while ((chat.turns.value[0]?.answer.pieces.length ?? 0) === 0) await nextTurn()
  chat.stop()
  await done
  expect(chat.turns.value[0]!.answer.end).toEqual({ kind: 'stopped' })
  while (gateway.engine.cancelled.length === 0) await nextTurn()
  expect((await gateway.engine.state()).running).toBe(0)
})

it('[LP2] a refusal is an answer with its code', async () => {
  const chat = chatStore()
  chat.settings.value = { ...chat.settings.value, temperature: 99 }
  await chat.submit('Tell me a story.', '')
  expect(chat.turns.value[0]!.answer.end).toMatchObject({ kind: 'failed', code: 'invalid_value' })
  instead = () => Promise.reject(new TypeError('fetch failed'))
  await chat.submit('Tell me a story.', '')
  expect(chat.turns.value[1]!.answer.end).toMatchObject({ kind: 'failed', code: 'unreachable' })
})

it('[LP6] keys travel in the Authorization header alone', async () => {
  const chat = chatStore()
  await chat.submit('Hi', 'secret-key')
  expect(sent.map(({ path }) => path)).toEqual(['/v1/models', '/v1/chat/completions'])
  expect(sent.map(({ headers }) => headers.get('authorization'))).toEqual(['Bearer secret-key', 'Bearer secret-key'])
})

it('[LP6] a key is asked for where one helps: none was sent, it is not known, or it is of the other door', async () => {
  gateway = keyedGateway()
  const chat = chatStore()
  for (const key of ['', 'imk_wrong', ADMIN_KEY]) {
    await chat.loadModel(key)
    expect([key, wantsKey(chat.failure.value!)]).toEqual([key, true])
  }
  await chat.loadModel(API_KEY)
  expect([chat.failure.value, chat.model.value?.id]).toEqual([null, model.name])
  await chat.submit('Hi', 'imk_revoked')
  expect([chat.turns.value[0]!.answer.end, wantsKey(chat.failure.value!)]).toMatchObject([{ kind: 'failed', code: 'invalid_api_key' }, true])
  const failures: Failure[] = []
  const on = { state: () => expect.fail(), failure: (failure: Failure) => void failures.push(failure) }
  const { signal } = new AbortController()
  for (const key of ['', API_KEY]) await followState({ key, signal, pause: () => expect.fail() }, on)
  expect(failures.map(({ code }) => code)).toEqual(['invalid_api_key', 'forbidden'])

  gateway = testGateway({ access: { ACCESS: 'keys' } }) // deployed, and nobody set keys: no key would help
  await chat.loadModel('')
  expect([chat.failure.value!.code, wantsKey(chat.failure.value!)]).toEqual(['no_keys', false])
})

/** Follows until `enough`; gives what was seen. Waits take no time. */
async function follow(work: (options: { key: string; signal: AbortSignal; pause: (ms: number) => Promise<void> }) => Promise<void>, enough: () => boolean) {
  const controller = new AbortController()
  const waits: number[] = []
  const pause = async (ms: number): Promise<void> => {
    waits.push(ms)
    if (enough()) controller.abort()
    await nextTurn()
  }
  await work({ key: 'admin-key', signal: controller.signal, pause })
  return waits
}

it('[LP4] [LP7] the state that the gateway shows is one that the page reads, asked for once a second', async () => {
  const states: ClusterState[] = []
  const on = { state: (state: ClusterState) => void states.push(state), failure: (failure: Failure) => expect.fail(failure.code) }
  expect(
    await follow(
      (options) => followState(options, on),
      () => states.length === 3,
    ),
  ).toEqual([1000, 1000, 1000])
  expect(viewCluster(states[0]!, [])).toMatchObject({ status: { state: 'ready' }, running: 0, hosts: [], policyEnabled: true })
  expect(sent.every(({ headers }) => headers.get('authorization') === 'Bearer admin-key')).toBe(true)
})

it('[LP7] asks more and more rarely while no state comes, and not at all where a key is missing', async () => {
  const failures: Failure[] = []
  const on = { state: () => expect.fail(), failure: (failure: Failure) => void failures.push(failure) }
  instead = () => new Response('<html>', { status: 502 })
  expect(
    await follow(
      (options) => followState(options, on),
      () => failures.length === 6,
    ),
  ).toEqual([2000, 4000, 8000, 15_000, 15_000, 15_000])
  instead = () => Response.json({ error: { code: 'invalid_api_key', message: 'no' } }, { status: 401 })
  expect(
    await follow(
      (options) => followState(options, on),
      () => false,
    ),
  ).toEqual([])
  instead = () => Response.json({ steps: 3 })
  await follow(
    (options) => followState(options, on),
    () => true,
  )
  expect(failures.slice(-2).map(({ code }) => code)).toEqual(['invalid_api_key', 'invalid_state'])
})

it('[LP5] scale events go on from the last that was seen when their stream breaks', async () => {
  gateway.autoscaler.history.push(scaleEvent({ id: 4 }), scaleEvent({ id: 5, state: 'running' }))
  instead = async (path, init) => {
    const response = await fetchOverHttp(server.url + path, init)
    return new Response(response.body!.pipeThrough(cutAfter('id: 5', () => gateway.autoscaler.history.splice(1, 1, scaleEvent({ id: 5 })))))
  }
  const seen: ScaleEvent[] = []
  const cursor = { lastId: null }
  await follow(
    (options) => followEvents(options, cursor, (events) => void seen.push(...events)),
    () => seen.length >= 3,
  )
  expect(sent.map(({ headers }) => headers.get('last-event-id'))).toEqual([null, '5'])
  expect(seen.map(({ id, state }) => [id, state])).toEqual([
    [4, 'done'],
    [5, 'running'],
    [5, 'done'],
  ])
})

it('[LP5] [LP7] the stream of events ends with its reader, and is not asked for again without a key', async () => {
  const controller = new AbortController()
  const pause = () => Promise.resolve()
  const done = followEvents({ key: '', signal: controller.signal, pause }, { lastId: null }, () => controller.abort())
  while (gateway.autoscaler.listeners.count() === 0) await nextTurn()
  gateway.autoscaler.listeners.emit(scaleEvent())
  await done
  expect(sent).toHaveLength(1)
  instead = () => Response.json({ error: moeError('internal', '', {}) }, { status: 403 })
  await followEvents({ key: '', signal: new AbortController().signal, pause }, { lastId: null }, () => expect.fail())
  expect(sent).toHaveLength(2)
})

/** Ends the stream behind the part that has `mark`. */
function cutAfter(mark: string, then: () => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(bytes, controller) {
      controller.enqueue(bytes)
      if (!new TextDecoder().decode(bytes).includes(mark)) return
      then()
      controller.terminate()
    },
  })
}

it('[LP2] stop also ends the question for the model, where the server does not answer', async () => {
  instead = (_, { signal }) => new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(signal!.reason as Error)))
  const chat = chatStore()
  const submitted = chat.submit('Tell me a story.', '')
  await nextTurn()
  chat.stop()
  await submitted
  expect([chat.isRunning.value, chat.turns.value[0]!.answer.end]).toEqual([false, { kind: 'stopped' }])
})

it('[LP6] of two questions for the model the one with the newer key counts', async () => {
  const late = Promise.withResolvers<Response>()
  instead = (_, { headers }) => (new Headers(headers).get('authorization') === 'Bearer old' ? late.promise : null)
  const chat = chatStore()
  const old = chat.loadModel('old')
  await chat.loadModel('new')
  late.resolve(new Response('{}', { status: 401 }))
  await old
  expect([chat.model.value?.id, chat.failure.value]).toEqual([model.name, null])
})

it.each(['status', 'autoscaler'])('[LP4] a state whose %s is null is a failure, and asked for again', async (field) => {
  const controller = new AbortController()
  const failures: Failure[] = []
  instead = () => Response.json({ steps: 0, generatedTokens: 0, hosts: [], status: { state: 'ready' }, autoscaler: { error: {} }, [field]: null })
  const pause = async () => controller.abort()
  await followState({ key: '', signal: controller.signal, pause }, { state: () => undefined, failure: (failure) => void failures.push(failure) })
  expect(failures).toMatchObject([{ code: 'invalid_state' }])
})
