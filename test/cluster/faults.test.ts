import { expect, it } from 'vitest'
import type { GenerateEvent } from '../../shared/protocol/engine-api.ts'
import type { RangeStore } from '../../shared/protocol/range-reader.ts'
import type { OpenSession } from '../../workers/engine/host-link.ts'
import { bytesBody } from '../fixtures/memory-store.ts'
import { fixturePack } from '../e2e/pack-fixtures.ts'
import { createCluster, greedyRequest, loseWeights, must, withoutTimes } from './cluster.ts'
import type { Cluster, ClusterOptions } from './cluster.ts'

const REQUEST = greedyRequest([[5, 9, 17, 40, 3, 77]], { maxTokens: 10, logprobs: 0 })

const open = (options: Partial<ClusterOptions> = {}) => createCluster({ pack: fixturePack('qwen3_moe'), tier: 'f32', hosts: 3, ...options })

async function answer(cluster: Cluster): Promise<GenerateEvent[]> {
  return must(await cluster.run({ ...REQUEST, requestId: crypto.randomUUID() })).map(withoutTimes)
}

async function undisturbed(): Promise<GenerateEvent[]> {
  return answer(await open())
}

/** The error that ended a request, and a check that no text came after it. */
function errorOf(events: readonly GenerateEvent[]): GenerateEvent {
  const last = events.at(-1)!
  expect(last.type).toBe('error')
  expect(events.some((event) => event.type === 'finish')).toBe(false)
  return last
}

it('[FA1] weights lost between requests and in the middle of one are loaded again, same bits', async () => {
  let calls = 0
  const cluster: Cluster = await open({
    wrapSession: (session, host) => ({
      ...session,
      run(frame) {
        if (++calls % 7 === 0) loseWeights(cluster.memories[host]!)
        return session.run(frame)
      },
    }),
  })
  const first = await answer(cluster)
  for (const memory of cluster.memories) loseWeights(memory)
  expect(await answer(cluster)).toEqual(first)
  expect(first).toEqual(await undisturbed())
  expect(calls).toBeGreaterThan(14)
})

it('[FA1] a session that breaks is opened again, same bits', async () => {
  let calls = 0
  const cluster = await open({
    wrapSession: (session) => ({
      ...session,
      async run(frame) {
        if (++calls % 5 === 0) throw new Error('Durable Object reset because its code was updated.')
        return session.run(frame)
      },
    }),
  })
  expect(await answer(cluster)).toEqual(await undisturbed())
})

/** Changes one byte of some replies. Header layout: shared/protocol/frame.ts. */
const byteAt = (offset: number) => (session: OpenSession) => {
  let spoiled = 0
  return {
    ...session,
    async run(frame: Uint8Array) {
      const reply = await session.run(frame)
      if (spoiled++ === 3) reply[offset]! ^= 1
      return reply
    },
  }
}

it.each([
  ['version', 4],
  ['sequence', 8],
  ['layer', 12],
  ['epoch', 16],
])('[FA2] a reply with a wrong %s ends the request with an error, and the next one works', async (field, offset) => {
  const cluster = await open({ hosts: 1, wrapSession: byteAt(offset) })
  expect(errorOf(await answer(cluster))).toMatchObject({ error: { code: 'frame-invalid', details: { field } } })
  expect(await answer(cluster)).toEqual(await undisturbed())
  expect(cluster.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
})

/** A store whose answers pass through `spoil` while `faulty.on`. */
function faultyStore(spoil: (object: string, bytes: Uint8Array) => Uint8Array | null) {
  const faulty = { on: true }
  const wrapStore = (store: RangeStore): RangeStore => ({
    async open(object, offset, bytes) {
      const body = await store.open(object, offset, bytes)
      if (!body || !faulty.on || !object.startsWith('experts')) return body
      const read = spoil(object, (await body.next())!)
      return read && bytesBody(read)
    },
  })
  return { faulty, wrapStore }
}

function flipFirst(_object: string, bytes: Uint8Array): Uint8Array {
  bytes[0]! ^= 1
  return bytes
}

it.each([
  ['weights-corrupt', 'corrupt ranges', (_object: string, bytes: Uint8Array) => bytes.map((byte) => byte ^ 1)],
  ['weights-missing', 'a missing object', () => null],
  [
    'storage-unavailable',
    'a store that throws',
    () => {
      throw new Error('R2 is away')
    },
  ],
])('[RE2] %s: %s ends the request with a clear error; healed, the next one works', async (code, _what, spoil) => {
  const { faulty, wrapStore } = faultyStore(spoil)
  const cluster = await open({ wrapStore })
  expect(errorOf(await answer(cluster))).toMatchObject({ error: { code } })
  expect(cluster.memories.every((memory) => memory.slots.residentCount === 0)).toBe(true)
  faulty.on = false
  expect(await answer(cluster)).toEqual(await undisturbed())
})

it('[FA1] a range that is corrupt once is read again, and nobody notices', async () => {
  let reads = 0
  const { wrapStore } = faultyStore((object, bytes) => (++reads === 2 ? flipFirst(object, bytes) : bytes))
  expect(await answer(await open({ wrapStore }))).toEqual(await undisturbed())
})

it('[WI4] an expert that the host was not given is not-resident, never numbers', async () => {
  const cluster = await open({ hosts: 1, wrapHello: (hello) => ({ ...hello, experts: hello.experts.filter(([layer]) => layer === 0) }) })
  expect(errorOf(await answer(cluster))).toMatchObject({ error: { code: 'not-resident', details: { layer: 1 } } })
})

it.each([
  ['protocolVersion', { protocolVersion: 99 }],
  ['model', { model: 'other' }],
  ['digest', { digest: '0'.repeat(64) }],
  ['tier', { tier: 'q8' as const }],
])('[WI1] a hello with another %s is refused by name', async (field, change) => {
  const cluster = await open({ wrapHello: (hello) => ({ ...hello, ...change }) })
  expect(errorOf(await answer(cluster))).toMatchObject({ error: { code: 'hello-mismatch', details: { field } } })
})

it('[SC4] a request cancelled while its prompt is read takes no further step and frees its pages', async () => {
  const cluster = await open({ chunk: 1 })
  const events: GenerateEvent[] = []
  const ended = new Promise<void>((resolve) => {
    const long = greedyRequest([Array.from({ length: 60 }, (_, i) => i + 3)], { requestId: 'long', maxTokens: 50 })
    must(cluster.core.generate(long, { emit: (event) => events.push(event), end: resolve }))
  })
  expect(cluster.core.counts().running).toBe(1)
  cluster.core.cancel('long', null)
  await ended
  expect(events).toEqual([])
  expect(cluster.core.counts()).toMatchObject({ running: 0, kvPagesUsed: 0, steps: 1 })
})

it('[SC4] one cancelled choice leaves the others as they are', async () => {
  const cluster = await open()
  const events: GenerateEvent[] = []
  const request = greedyRequest(
    [
      [5, 9, 17],
      [5, 9, 17],
      [8, 8],
    ],
    { requestId: 'three', maxTokens: 8 },
  )
  await new Promise<void>((resolve) => {
    const emit = (event: GenerateEvent) => {
      events.push(event)
      if (event.type === 'token' && event.index === 1) cluster.core.cancel('three', 1)
    }
    must(cluster.core.generate(request, { emit, end: resolve }))
  })
  const of = (index: number) => events.flatMap((event) => (event.type === 'token' && event.index === index ? [event.id] : []))
  expect(of(1)).toHaveLength(1)
  expect(of(0)).toHaveLength(8)
  const alone = must(await cluster.run(greedyRequest([[5, 9, 17]], { maxTokens: 8 })))
  expect(of(0)).toEqual(alone.flatMap((event) => (event.type === 'token' ? [event.id] : [])))
})

it('[FA3] a sink that throws loses its own request, not its neighbours', async () => {
  const cluster = await open()
  const broken = {
    emit: () => {
      throw new Error('the stream is gone')
    },
    end: () => undefined,
  }
  must(cluster.core.generate({ ...REQUEST, requestId: 'broken', maxTokens: 200 }, broken))
  expect(await answer(cluster)).toEqual(await undisturbed())
  expect(cluster.faults).toHaveLength(1)
  expect(cluster.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
})

it('[SC5] a full queue refuses before work starts, and says when to come again by how fast sequences finish', async () => {
  let nowMs = 0
  let answers = 0
  const run = (session: OpenSession) => (frame: Uint8Array) => {
    nowMs = answers * 100
    return session.run(frame)
  }
  const cluster = await open({ nowMs: () => nowMs, wrapSession: (session) => ({ ...session, run: run(session) }) })
  for (answers = 1; answers <= 3; answers++) await answer(cluster) // each takes 100 ms
  const sink = { emit: () => undefined, end: () => undefined }
  const many = () =>
    cluster.core.generate(
      greedyRequest(
        Array.from({ length: 64 }, () => [5, 6]),
        { requestId: 'many' },
      ),
      sink,
    )
  const results = Array.from({ length: 8 }, many)
  expect(results[4]).toMatchObject({ ok: true })
  expect(results[5]).toMatchObject({ ok: false, error: { code: 'overloaded', overloaded: true, details: { retryAfterS: 7 } } }) // 64 too many, 100 ms each
  cluster.core.cancel('many', null)
})

it('[AP3] what can never fit is refused with both numbers', async () => {
  const cluster = await open()
  const prompt = Array.from({ length: cluster.info.contextTokens }, () => 5)
  expect(await cluster.run(greedyRequest([prompt], { maxTokens: 1 }))).toMatchObject({
    ok: false,
    error: { code: 'context-length-exceeded', details: { promptTokens: prompt.length, contextTokens: cluster.info.contextTokens } },
  })
})
