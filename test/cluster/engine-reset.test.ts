import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { EngineCore } from '../../workers/engine/engine-core.ts'
import { createJournal } from '../../workers/engine/journal.ts'
import { journalBounds } from '../../workers/engine/journal-bounds.ts'
import { memoryJournalStore } from '../../workers/engine/journal-store.ts'
import type { JournalStore } from '../../workers/engine/journal-store.ts'
import { createJournaledCore } from '../../workers/engine/journaled-core.ts'
import { DEMO_PACK } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster } from './cluster.ts'

const SAMPLED = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 7 }
/** Of the event loop; weights come from the disk meanwhile, which may be busy. */
const TURNS_MAX = 1_000_000

interface Plan {
  /** After so many events of a stream the engine is reset, one number a stream; the last stream has none. */
  readonly resets: readonly number[]
  /** Whether the record of the request is lost with the reset, one a stream. */
  readonly forgets: readonly boolean[]
  /** Events that are made and not received: a reset loses them. */
  readonly unread: number
  /** Tokens of a write to the journal. */
  readonly batchTokens: number
  /** The reader ends this choice after so many tokens. */
  readonly stop: { readonly index: number; readonly tokens: number } | null
}

/** An engine of which only the store outlives `die`. */
function startEngine(cluster: Cluster, store: JournalStore, batchTokens: number) {
  let dead = false
  const severed: JournalStore = { ...store, write: (write) => void (dead || store.write(write)) }
  const bounds = { ...journalBounds(0), batchTokens, batchMs: Infinity }
  const core = cluster.createCore()
  const requests = createJournaledCore(core, createJournal({ store: severed, nowMs: () => 0, bounds, pack: 'p' }), cluster.info)
  return { core, requests, die: () => (dead = true) }
}

async function idle(core: EngineCore): Promise<void> {
  for (let turns = 0; core.counts().running + core.counts().waiting > 0; turns++) {
    if (turns > TURNS_MAX) throw new Error('the engine never gets idle')
    await nextTurn()
  }
}

/** What a reader receives that resumes after each reset. */
async function receive(cluster: Cluster, request: GenerateRequest, { resets, forgets, unread, batchTokens, stop }: Plan): Promise<GenerateEvent[]> {
  let store = memoryJournalStore()
  const received: GenerateEvent[] = []
  const have: (number | null)[] = Array.from({ length: request.prompts.length * request.n }, () => 0)
  for (let stream = 0; ; stream++) {
    const { core, requests, die } = startEngine(cluster, store, batchTokens)
    const unreadEvents: GenerateEvent[] = []
    const take = (event: GenerateEvent): void => {
      if (event.type === 'error') throw new Error(event.error.message)
      const count = have[event.index]!
      if (count === null) return // its reader has ended it
      received.push(event)
      have[event.index] = event.type === 'finish' ? null : count + 1
      const tokens = received.filter((each) => each.type === 'token' && each.index === stop?.index).length
      if (event.index !== stop?.index || tokens !== stop.tokens) return
      have[event.index] = null
      requests.cancel(request.requestId, event.index)
    }
    const end = await new Promise<'over' | 'reset'>((resolve) => {
      let left = resets[stream] ?? Infinity
      let over = false
      const sink = {
        emit(event: GenerateEvent) {
          if (over) return
          if (left-- > 0) {
            unreadEvents.push(event)
            while (unreadEvents.length > unread) take(unreadEvents.shift()!)
            return
          }
          over = true
          die()
          resolve('reset')
        },
        end() {
          if (over) return
          over = true
          for (const event of unreadEvents) take(event)
          resolve('over')
        },
      }
      if (stream === 0) return void must(requests.generate(request, sink))
      const resumed = requests.resume(request.requestId, have, sink)
      if (resumed.ok || resumed.error.code !== 'unknown-request') return void must(resumed)
      expect(forgets[stream - 1]).toBe(true)
      must(requests.generate(request, sink, have))
    })
    core.cancel(request.requestId, null)
    await idle(core)
    if (forgets[stream] === true) store = memoryJournalStore()
    if (end === 'reset') continue
    requests.cancel(request.requestId, null)
    expect(store.list().requests).toEqual([])
    return received
  }
}

const arbPlan = fc.record({
  resets: fc.array(fc.nat(24), { maxLength: 5 }),
  forgets: fc.array(fc.boolean(), { maxLength: 5 }),
  unread: fc.nat(6),
  batchTokens: fc.integer({ min: 1, max: 24 }),
  stop: fc.option(fc.record({ index: fc.nat(5), tokens: fc.integer({ min: 1, max: 6 }) })),
})

const arbRequest = fc
  .record({
    prompts: fc.array(fc.array(fc.integer({ min: 4, max: 6000 }), { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 2 }),
    n: fc.integer({ min: 1, max: 3 }),
    maxTokens: fc.integer({ min: 1, max: 10 }),
    logprobs: fc.constantFrom(null, 0, 2),
    echo: fc.boolean(),
    greedy: fc.boolean(),
    /** Penalties of what was said: it must be known again after a reset. */
    adjustments: fc.option(fc.constant({ presencePenalty: 0.5, frequencyPenalty: 0.7, repetitionPenalty: 1.3, bias: [[50, 4] as const], minTokens: 4 })),
    /** The token here of the first choice becomes a stop token. */
    stopAt: fc.option(fc.nat(8)),
  })
  .map(({ prompts, greedy, stopAt, ...rest }) => ({ request: greedyRequest(prompts, { ...rest, ...(greedy ? {} : { sampling: SAMPLED }) }), stopAt }))

it('[JR3] [JR4] [NU2] [SA4] whatever is reset when: each event once, the same bits, and nothing stays', async () => {
  const cluster = await createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1, chunk: 24, lanes: 2 })
  await fc.assert(
    fc.asyncProperty(arbRequest, arbPlan, async ({ request: asked, stopAt }, plan) => {
      const never = must(await cluster.run(asked))
      const stopToken = never.filter((event) => event.type === 'token' && event.index === 0)[stopAt ?? Infinity]
      const request = { ...asked, stopTokens: stopToken?.type === 'token' ? [stopToken.id] : [] }
      const whole = must(await cluster.run(request))
      const received = await receive(cluster, request, plan)
      for (let index = 0; index < request.prompts.length * request.n; index++) {
        const expected = whole.filter((event) => 'index' in event && event.index === index)
        const got = received.filter((event) => 'index' in event && event.index === index)
        const isStopped = plan.stop?.index === index && got.at(-1)?.type === 'token'
        if (isStopped) expect(got.filter(({ type }) => type === 'token')).toHaveLength(plan.stop!.tokens)
        expect(got.filter(({ type }) => type === 'prefilled')).toHaveLength(1)
        expect(choiceBits(got, index)).toBe(choiceBits(isStopped ? expected.slice(0, got.length) : expected, index))
      }
      expect(cluster.faults).toEqual([])
    }),
    { numRuns: 150 },
  )
})

it('[JR5] what is resumed goes ahead of what is new, and is not refused for a full queue', async () => {
  const cluster = await createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1, kvPages: 8 })
  const store = memoryJournalStore()
  const before = startEngine(cluster, store, 1)
  const interrupted = greedyRequest([[50, 51]], { maxTokens: 20 })
  await new Promise<void>((resolve) => void must(before.requests.generate(interrupted, { emit: () => resolve(), end: () => undefined })))
  before.die()
  before.core.cancel(interrupted.requestId, null)
  await idle(before.core)

  const { core, requests } = startEngine(cluster, store, 1)
  const finished: string[] = []
  const all: Promise<void>[] = []
  const sinkOf = (name: string) => {
    let done: () => void
    all.push(new Promise((resolve) => (done = resolve)))
    return { emit: (event: GenerateEvent) => void (event.type === 'finish' && finished.push(name)), end: () => done() }
  }
  const news = greedyRequest([[9, 10]], { n: 16, maxTokens: 20 })
  let taken = 0
  while (requests.generate({ ...news, requestId: `new ${taken}` }, sinkOf('new')).ok) taken++
  all.pop() // of the refused one
  expect(core.counts().waiting).toBeGreaterThan(LIMITS.waitingMax - news.n)
  const { running } = core.counts()
  must(requests.resume(interrupted.requestId, [3], sinkOf('resumed')))
  for (let turns = 0; !finished.includes('resumed') && turns < TURNS_MAX; turns++) await nextTurn()
  expect(finished).toContain('resumed')
  expect(finished.indexOf('resumed')).toBeLessThanOrEqual(running) // nobody that had to wait was before it
  for (let i = 0; i < taken; i++) requests.cancel(`new ${i}`, null)
  await Promise.all(all)
})

it('[JR3] of two streams that resume a request the later one survives, and the first cannot end it', async () => {
  const cluster = await createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1 })
  const { core, requests } = startEngine(cluster, memoryJournalStore(), 3)
  const request = greedyRequest([[50, 51, 52]], { maxTokens: 30 })
  const whole = must(await cluster.run({ ...request, requestId: 'whole' }))
  const ended: string[] = []
  const got: GenerateEvent[] = []
  const first = must(requests.generate(request, { emit: () => undefined, end: () => ended.push('first') }))
  const done = new Promise<void>((resolve) => {
    must(requests.resume(request.requestId, [0], { emit: () => undefined, end: () => ended.push('second') }))
    must(requests.resume(request.requestId, [4], { emit: (event) => got.push(event), end: resolve }))
  })
  first.abandon()
  await done
  await idle(core)
  expect(ended.toSorted()).toEqual(['first', 'second'])
  expect(choiceBits(got, 0)).toBe(choiceBits(whole.slice(4), 0))
})

it('[JR3] a request that nobody journaled is unknown, a count that is none is refused and ends nothing', async () => {
  const cluster = await createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1 })
  const { core, requests } = startEngine(cluster, memoryJournalStore(), 3)
  const sink = { emit: () => undefined, end: () => undefined }
  expect(requests.resume('nobody', [0], sink)).toMatchObject({ ok: false, error: { code: 'unknown-request', retryable: false } })
  const request = greedyRequest([[50, 51, 52]], { maxTokens: 5, n: 2 })
  const got: GenerateEvent[] = []
  must(requests.generate(request, { emit: (event) => got.push(event), end: () => undefined }))
  for (const have of [[], [0], [0, -1], [0, 1.5], [0, '1'], [0, Infinity], [0, 0, 0]]) {
    expect(requests.resume(request.requestId, have as number[], sink)).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
  }
  for (const have of [[1], [0, -1], [0, 1.5], [0, '1'], [0, 0, 3]]) {
    expect(requests.generate({ ...request, requestId: 'lost' }, sink, have as number[])).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
  }
  expect(requests.generate({ ...request, requestId: 'lost', n: 1e9 }, sink, [1])).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
  await idle(core)
  expect(got.filter(({ type }) => type === 'finish')).toHaveLength(2) // what is refused takes nothing over
})
