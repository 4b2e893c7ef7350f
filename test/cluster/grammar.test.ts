import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { GenerateEvent, GenerateRequest } from '../../shared/protocol/engine-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import { DEMO_PACK } from '../e2e/pack-fixtures.ts'
import { choiceBits, createCluster, greedyRequest, must } from './cluster.ts'
import type { Cluster, ClusterOptions } from './cluster.ts'
import { allows, createFakeGrammar } from './fake-grammar.ts'
import type { GrammarTrouble } from './fake-grammar.ts'
import { createTurnClock } from './turn-clock.ts'

const STOP = 2
const TOKENS = 9
const SAMPLED = { temperature: 0.9, topK: 40, topP: 0.95, minP: 0, seed: 7 }
const PROMPTS = [31, 5, 18].map((length, p) => Array.from({ length }, (_, i) => 4 + ((i * 37 + p * 101) % 6000)))
const constrained = greedyRequest(PROMPTS, {
  n: 2,
  maxTokens: 40,
  stopTokens: [STOP],
  sampling: SAMPLED,
  grammar: { kind: 'json-object' },
  logprobs: 2,
  echo: true,
})
const free = greedyRequest([PROMPTS[1]!, [50, 51, 52]], { maxTokens: 30, sampling: SAMPLED })

interface World {
  readonly cluster: Cluster
  readonly seen: { readonly calls: number; readonly opens: number; readonly open: number }
}

async function openWorld(trouble: (call: number) => GrammarTrouble | null, options: Partial<ClusterOptions> = {}, tokens = TOKENS): Promise<World> {
  const clock = createTurnClock()
  const { open, seen } = createFakeGrammar({ vocab: 6144, stopToken: STOP, tokens, wait: clock.wait, trouble })
  const cluster = await createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1, chunk: 24, lanes: 2, deadlines: true, grammar: open, ...options })
  return { cluster, seen }
}

async function expectClean({ cluster, seen }: World): Promise<void> {
  await new Promise(setImmediate) // a session that was opened for nobody is closed when it comes
  expect(cluster.core.counts()).toMatchObject({ running: 0, waiting: 0, kvPagesUsed: 0 })
  expect(seen.open).toBe(0)
  expect(cluster.faults).toEqual([])
}

const idsOf = (events: readonly GenerateEvent[], index: number) =>
  events.flatMap((event) => (event.type === 'token' && event.index === index ? [event.id] : []))

/** The answer where every mask is there at once. */
async function undisturbed(request: GenerateRequest, tokens = TOKENS): Promise<GenerateEvent[]> {
  return must(await (await openWorld(() => null, { lanes: 1 }, tokens)).cluster.run(request))
}

it('[GR5] only allowed tokens come, and when the grammar is over only the stop token', async () => {
  const world = await openWorld(() => null)
  const events = must(await world.cluster.run(constrained))
  for (let index = 0; index < 6; index++) {
    const ids = idsOf(events, index)
    expect(ids).toHaveLength(TOKENS)
    expect(ids.every((id, i) => allows(ids.slice(0, i), id))).toBe(true)
    expect(events).toContainEqual(expect.objectContaining({ type: 'finish', index, reason: 'stop', completionTokens: TOKENS }))
  }
  await expectClean(world)
})

it('[GR5] [NU8] greedy takes the best of the allowed, and log-probabilities stay the model own', async () => {
  const request = { ...constrained, n: 1, sampling: { ...SAMPLED, temperature: 0 }, logprobs: 20, echo: false }
  const events = await undisturbed(request)
  let masked = 0
  for (const index of PROMPTS.keys()) {
    const ids = idsOf(events, index)
    for (const event of events) {
      if (event.type !== 'token' || event.index !== index) continue
      const at = ids.indexOf(event.id)
      const { top, logprob } = event.logprob!
      const best = top.findIndex(([id]) => id !== STOP && allows(ids.slice(0, at), id))
      if (ids.lastIndexOf(event.id) !== at || best < 0) continue // which one it is cannot be told
      expect(top[best]).toEqual([event.id, logprob])
      if (best > 0) masked++ // the model's own choice was another one
    }
  }
  expect(masked).toBeGreaterThan(0)
})

const TROUBLES: Readonly<Record<string, (call: number) => GrammarTrouble | null>> = {
  'every mask is late': () => ({ kind: 'late', ms: 40 }),
  'some masks are late': (call) => (call % 3 === 0 ? { kind: 'late', ms: 5 + (call % 7) * 9 } : null),
  'every fourth call breaks': (call) => (call % 4 === 1 ? { kind: 'broken' } : null),
  'sessions are lost': (call) => (call % 5 === 2 ? { kind: 'lost' } : null),
  'some calls are never answered': (call) => (call % 11 === 3 ? { kind: 'silent' } : null),
}

it.each(Object.keys(TROUBLES))('[GR6] [GR7] [NU2] %s: every event once, the same bits', async (name) => {
  const expected = await undisturbed(constrained)
  const world = await openWorld(TROUBLES[name]!)
  const events = must(await world.cluster.run(constrained))
  for (let index = 0; index < 6; index++) expect(choiceBits(events, index)).toBe(choiceBits(expected, index))
  await expectClean(world)
})

it('[GR6] [SC8] with masks that are late and pages for a few: preempted, held, and the same bits', async () => {
  const expected = await undisturbed(constrained, 35)
  const world = await openWorld(TROUBLES['some masks are late']!, { kvPages: 7 }, 35)
  const events = must(await world.cluster.run(constrained))
  for (let index = 0; index < 6; index++) expect(choiceBits(events, index)).toBe(choiceBits(expected, index))
  expect(world.cluster.core.counts().preemptions).toBeGreaterThan(0)
  await expectClean(world)
})

it('[GR6] nobody waits for the mask of another: beside one that never comes, others take not one step more', async () => {
  const alone = await openWorld(() => null, { lanes: 1 })
  must(await alone.cluster.run(free))
  const steps = alone.cluster.core.counts().steps
  const never = await openWorld(() => ({ kind: 'silent' }), { lanes: 1, deadlines: false })
  const { core } = never.cluster
  must(core.generate({ ...constrained, requestId: 'stuck', prompts: [PROMPTS[1]!], n: 1 }, { emit: () => undefined, end: () => undefined }))
  const events = must(await never.cluster.run(free))
  for (const index of free.prompts.keys())
    expect(choiceBits(events, index)).toBe(choiceBits(must(await alone.cluster.run({ ...free, requestId: 'again' })), index))
  expect(core.counts().running).toBe(1)
  expect(core.counts().steps).toBeLessThanOrEqual(steps + 1) // its own prompt
  core.cancel('stuck', null)
  expect(core.counts()).toMatchObject({ running: 0, kvPagesUsed: 0 })
})

it.each([
  { name: 'all places', kvPages: 400 },
  { name: 'all pages', kvPages: 7 },
])(
  '[GR6] nobody waits for the mask of another: not even where those that wait for masks have $name',
  async ({ kvPages }) => {
    const never = await openWorld(() => ({ kind: 'silent' }), { lanes: 2, deadlines: false, kvPages })
    const { core } = never.cluster
    const requests = Array.from({ length: 20 }, (_, i) => `stuck ${i}`)
    for (const requestId of requests) must(core.generate({ ...constrained, requestId }, { emit: () => undefined, end: () => undefined }))
    const alone = (await openWorld(() => null)).cluster
    const [events, expected] = [must(await never.cluster.run(free)), must(await alone.run(free))]
    for (const index of free.prompts.keys()) expect(choiceBits(events, index)).toBe(choiceBits(expected, index))
    for (const requestId of requests) core.cancel(requestId, null)
    await expectClean(never)
  },
  20_000,
)

it('[GR7] a worker that does not answer any more ends that request with a name, and no other', async () => {
  const world = await openWorld((call) => (call > 3 ? { kind: 'broken' } : null))
  const [lost, kept] = await Promise.all([world.cluster.run({ ...constrained, n: 1 }), world.cluster.run(free)])
  expect(must(lost).at(-1)).toMatchObject({ type: 'error', error: { code: 'grammar-unavailable', retryable: true } })
  expect(must(kept).filter(({ type }) => type === 'finish')).toHaveLength(2)
  await expectClean(world)
})

it('[GR7] what the worker refuses is the request’s error, at once', async () => {
  const refused = {
    ok: false,
    error: { code: 'hello-mismatch', message: 'm', retryable: false, overloaded: false, details: { field: 'digest', want: 'a', got: 'b' } },
  } as const
  const cluster = await createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1, grammar: async () => refused })
  expect(must(await cluster.run(constrained)).at(-1)).toMatchObject({ type: 'error', error: { code: 'hello-mismatch' } })
  expect(cluster.core.counts().running).toBe(0)
})

it('[GR7] a mask that allows nothing, or is of another vocabulary, is named', async () => {
  const give = (allowed: Uint8Array) => async () => ok({ mask: { allowed }, accept: async () => ok({ allowed }), close: () => undefined })
  const codeOf = async (allowed: Uint8Array) => {
    const cluster = await createCluster({ pack: DEMO_PACK, tier: 'q8', hosts: 1, grammar: give(allowed) })
    const last = must(await cluster.run({ ...constrained, n: 1 })).at(-1)
    return last?.type === 'error' ? last.error.code : last?.type
  }
  expect(await codeOf(new Uint8Array(768))).toBe('invalid-request')
  expect(await codeOf(new Uint8Array(10).fill(255))).toBe('grammar-unavailable')
})

it('[GR8] without a stop token a grammar could not end: refused', async () => {
  const { cluster } = await openWorld(() => null)
  expect(await cluster.run({ ...constrained, stopTokens: [] })).toMatchObject({
    ok: false,
    error: { code: 'invalid-request', details: { param: 'ignore_eos' } },
  })
})

it('[GR7] [JR5] what is resumed goes on from its tokens', async () => {
  const expected = await undisturbed({ ...constrained, echo: false })
  const world = await openWorld(TROUBLES['some masks are late']!)
  const known = Array.from({ length: 6 }, (_, index) => (index === 1 ? null : idsOf(expected, index).slice(0, index)))
  const events = await new Promise<GenerateEvent[]>((resolve) => {
    const got: GenerateEvent[] = []
    must(world.cluster.core.resume({ ...constrained, echo: false }, known, { emit: (event) => got.push(event), end: () => resolve(got) }))
  })
  for (const index of [0, 2, 3, 4, 5]) expect(idsOf(events, index)).toEqual(idsOf(expected, index).slice(index))
  await expectClean(world)
})

it('[GR6] [GR7] [SA3] [NU2] whatever the lanes, hosts, chunks, pages and troubles, and wherever a reset cuts it: the same bits', async () => {
  const penalties = { presencePenalty: 0.4, frequencyPenalty: 0.3, repetitionPenalty: 1.2, bias: [[700, 5] as const], minTokens: 0 }
  const arbWorld = fc.record({
    lanes: fc.integer({ min: 1, max: 4 }),
    hosts: fc.integer({ min: 1, max: 2 }),
    chunk: fc.constantFrom(8, 24, 64),
    kvPages: fc.constantFrom(7, 12, 400),
    prefixCache: fc.boolean(),
    trouble: fc.constantFrom(...Object.keys(TROUBLES)),
    adjusted: fc.boolean(),
    /** Tokens that are told before the engine is lost. */
    cutAt: fc.option(fc.integer({ min: 1, max: 120 })),
  })
  const expectedOf = new Map<boolean, GenerateEvent[]>()
  for (const adjusted of [false, true]) expectedOf.set(adjusted, await undisturbed({ ...constrained, adjustments: adjusted ? penalties : null }, 25))
  let resumed = 0
  await fc.assert(
    fc.asyncProperty(arbWorld, async ({ trouble, adjusted, cutAt, ...options }) => {
      const request = { ...constrained, adjustments: adjusted ? penalties : null }
      const world = await openWorld(TROUBLES[trouble]!, options, 25)
      const { core, createCore } = world.cluster
      const before = await new Promise<GenerateEvent[]>((resolve) => {
        const got: GenerateEvent[] = []
        const emit = (event: GenerateEvent): void => {
          got.push(event)
          if (got.filter(({ type }) => type === 'token').length === cutAt) core.cancel(request.requestId, null)
        }
        must(core.generate(request, { emit, end: () => resolve(got) }))
      })
      await expectClean(world)
      const isOver = (index: number): boolean => before.some((event) => event.type === 'finish' && event.index === index)
      const indices = Array.from({ length: 6 }, (_, index) => index)
      const known = indices.map((index) => (isOver(index) ? null : idsOf(before, index)))
      const after: GenerateEvent[] = []
      if (known.some((tokens) => tokens !== null)) {
        resumed++
        const next = createCore()
        await new Promise<void>((resolve) => must(next.resume(request, known, { emit: (event) => after.push(event), end: resolve })))
        await expectClean({ cluster: { ...world.cluster, core: next }, seen: world.seen })
      }
      const expected = expectedOf.get(adjusted)!
      for (const index of indices) {
        if (isOver(index)) expect(choiceBits(before, index)).toBe(choiceBits(expected, index))
        else expect([...idsOf(before, index), ...idsOf(after, index)]).toEqual(idsOf(expected, index))
      }
    }),
    {
      numRuns: Number(process.env['GRAMMAR_RUNS'] ?? 4),
      endOnFailure: true,
      examples: [[{ lanes: 3, hosts: 2, chunk: 8, kvPages: 7, prefixCache: true, trouble: 'some masks are late', adjusted: true, cutAt: 40 }]],
    },
  )
  expect(resumed).toBeGreaterThan(0)
})

it('[GR6] whoever leaves while its mask is on its way leaves nothing', async () => {
  const world = await openWorld(() => ({ kind: 'late', ms: 20 }))
  const { core } = world.cluster
  for (let i = 0; i < 5; i++) {
    must(core.generate({ ...constrained, requestId: `r${i}` }, { emit: () => undefined, end: () => undefined }))
    await new Promise(setImmediate)
    core.cancel(`r${i}`, null)
  }
  must(await world.cluster.run(constrained))
  await expectClean(world)
})
