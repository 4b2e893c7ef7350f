import { expect, it } from 'vitest'
import { greedyRequest } from '../../test/cluster/cluster.ts'
import { must } from '../../test/cluster/must.ts'
import type { GenerateEvent, GenerateRequest, ModelInfo } from '../../shared/protocol/engine-api.ts'
import { moeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { EngineCore } from './engine-core.ts'
import type { EventSink } from './event-sink.ts'
import { createJournal } from './journal.ts'
import { journalBounds } from './journal-bounds.ts'
import { memoryJournalStore } from './journal-store.ts'
import { createJournaledCore } from './journaled-core.ts'

const INFO: ModelInfo = { model: 'm', digest: 'd', tier: 'q8', trunk: 'q8', contextTokens: 64, vocab: 100 }
const ERROR: GenerateEvent = { type: 'error', error: moeError('internal', 'the step failed', {}) }
const request = (requestId: string) => greedyRequest([[4, 5]], { requestId, maxTokens: 9 })
const token = (id: number): GenerateEvent => ({ type: 'token', index: 0, id, logprob: null })
const nowhere: EventSink = { emit: () => undefined, end: () => undefined }

/** A core whose steps the test makes: what runs, and under which sinks. A cancelled one ends with its next step, as in the engine. */
function steppedCore() {
  const running: { readonly request: GenerateRequest; readonly known: number; readonly sink: EventSink; cancelled: boolean }[] = []
  const begin = (asked: GenerateRequest, known: number, sink: EventSink) => {
    running.push({ request: asked, known, sink, cancelled: false })
    return ok(undefined)
  }
  const core: Pick<EngineCore, 'generate' | 'resume' | 'cancel'> = {
    generate: (asked, sink) => begin(asked, 0, sink),
    resume: (asked, known, sink) => begin(asked, known[0]!.length, sink),
    cancel: (id) => running.forEach((run) => (run.cancelled ||= run.request.requestId === id)),
  }
  const clock = { ms: 0 }
  const store = memoryJournalStore()
  const journal = createJournal({ store, nowMs: () => clock.ms, bounds: { ...journalBounds(0), keepMs: 500 }, pack: 'p' })
  function step(...events: readonly GenerateEvent[]) {
    for (const run of running.splice(0)) {
      if (!run.cancelled) events.forEach((event) => run.sink.emit(event))
      if (run.cancelled || events.some(({ type }) => type === 'error')) run.sink.end()
      else running.push(run)
    }
  }
  const stored = () => store.list().requests.map(({ requestId }) => requestId)
  return { requests: createJournaledCore({ ...core, counts: () => expect.fail(), takeWork: () => expect.fail() }, journal, INFO), running, step, stored, clock }
}

it('[JR2] a stream whose reader left ends its work, and its request can be resumed for a while, no longer', () => {
  const { requests, running, step, stored, clock } = steppedCore()
  const stream = must(requests.generate(request('a'), nowhere))
  step(token(7))
  stream.abandon()
  step()
  expect(running).toEqual([])
  clock.ms = 499
  must(requests.generate(request('b'), nowhere))
  expect(stored()).toEqual(['a', 'b'])
  clock.ms = 500
  step(token(8))
  expect(stored()).toEqual(['b'])
})

it('[JR2] a request that failed is forgotten; what an earlier stream of it still says forgets nothing', () => {
  const { requests, running, step, stored } = steppedCore()
  must(requests.generate(request('a'), nowhere))
  step(token(7))
  const early = running[0]!
  must(requests.resume('a', [2], nowhere))
  early.sink.emit(ERROR)
  expect(stored()).toEqual(['a'])
  step(ERROR)
  expect(stored()).toEqual([])
  expect(requests.resume('a', [2], nowhere)).toMatchObject({ ok: false, error: { code: 'unknown-request' } })
})

it('[JR3] a stream that takes a request over ends what the earlier one runs, and goes on from the journal', () => {
  const { requests, running, step } = steppedCore()
  must(requests.generate(request('a'), nowhere))
  step(token(7), token(8))
  must(requests.resume('a', [2], nowhere))
  expect(running.map(({ known, cancelled }) => [known, cancelled])).toEqual([
    [0, true],
    [1, false],
  ])
})

it('[JR3] a request that comes twice runs once: its caller lost the first answer', () => {
  const { requests, running } = steppedCore()
  must(requests.generate(request('a'), nowhere))
  must(requests.generate(request('a'), nowhere))
  expect(running.map(({ cancelled }) => cancelled)).toEqual([true, false])
})

it('[JR3] a request without a record is made anew, its reader is told what it lacks, and a reset finds it again', () => {
  const { requests, running, step, stored } = steppedCore()
  const got: GenerateEvent[] = []
  must(requests.generate(request('a'), { ...nowhere, emit: (event) => got.push(event) }, [3]))
  expect(running[0]).toMatchObject({ known: 0 })
  step({ type: 'prefilled', index: 0, cachedTokens: 0, queueMs: 0, prefillMs: 0 }, token(7), token(8), token(9))
  expect(got).toEqual([token(9)])
  expect(stored()).toEqual(['a'])
  must(requests.resume('a', [4], nowhere))
  expect(running.at(-1)).toMatchObject({ known: 3 })
})

it('[JR3] a request of which all choices are over ends at once', () => {
  const { requests, running, step } = steppedCore()
  must(requests.generate(request('a'), nowhere))
  step(token(7))
  let ended = false
  must(requests.resume('a', [null], { ...nowhere, end: () => (ended = true) }))
  expect(ended).toBe(true)
  expect(running.every(({ cancelled }) => cancelled)).toBe(true)
})
