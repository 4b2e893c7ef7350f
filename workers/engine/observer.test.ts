import { expect, it } from 'vitest'
import { activeRequest } from '../../test/fixtures/active-request.ts'
import { HISTOGRAM_NAMES, NO_REQUEST_WORK } from '../../shared/protocol/request-work.ts'
import type { RequestWork } from '../../shared/protocol/request-work.ts'
import { createObserver } from './observer.ts'
import { advance, createSequences } from './sequence.ts'
import type { Sequence } from './sequence.ts'

/** Sequences whose steps the test makes, on a clock that it sets. */
function observed(prompts: readonly (readonly number[])[]) {
  const clock = { ms: 1000 }
  const observer = createObserver(() => clock.ms)
  let nextId = 0
  const openTable = () => ({ pages: [], nodes: [], dirtyFrom: 0 })
  const owner = activeRequest(prompts)
  const sequences = createSequences(owner, 64, () => nextId++, openTable)
  /** The sequence's known tokens are in the cache, and a step makes the next. */
  function step(sequence: Sequence, id: number) {
    observer.stepBegins([{ sequence }])
    sequence.length = sequence.tokens.length
    sequence.sampled = { id, logprob: null }
    observer.stepDone(sequence)
    const { events } = advance(sequence)
    for (const event of events) observer.told(sequence, event)
    return events
  }
  return { clock, observer, sequences, step }
}

const sums = ({ histograms }: RequestWork) =>
  Object.fromEntries(HISTOGRAM_NAMES.map((name) => [name, [histograms[name].counts.reduce((a, b) => a + b, 0), histograms[name].sum]]))

it('[MT1] a request from its arrival to its end: each time once, between the events that name it', () => {
  const { clock, observer, sequences, step } = observed([[1, 2, 3]])
  const sequence = sequences[0]!
  observer.taken(sequences)
  clock.ms += 40
  observer.stepBegins([{ sequence }])
  clock.ms += 300 // a chunk: the prompt is not whole yet
  sequence.length = 2
  observer.stepDone(sequence)
  clock.ms += 100
  expect(step(sequence, 7)).toEqual([
    { type: 'prefilled', index: 0, cachedTokens: 0, queueMs: 40, prefillMs: 400 },
    { type: 'token', index: 0, id: 7, logprob: null },
  ])
  for (const id of [8, 9]) {
    clock.ms += 30
    step(sequence, id)
  }
  observer.ends(sequence, 'stop')
  clock.ms += 5
  observer.left(sequence)
  const work = observer.take(2)
  expect(work).toMatchObject({ requests: 1, promptTokens: 3, prefixQueries: 3, prefixHits: 0, generationTokens: 3, preemptions: 2 })
  expect(work.finished).toEqual({ stop: 1, length: 0, abort: 0, error: 0 })
  expect(sums(work)).toEqual({
    timeToFirstTokenMs: [1, 440],
    interTokenLatencyMs: [2, 60],
    queueTimeMs: [1, 40],
    prefillTimeMs: [1, 400],
    decodeTimeMs: [1, 60],
    e2eLatencyMs: [1, 505],
    promptTokens: [1, 3],
    generationTokens: [1, 3],
  })
  expect(observer.take(5)).toEqual({ ...NO_REQUEST_WORK, preemptions: 3 }) // a window tells what is new
})

it('[MT1] who leaves while it waits has an end, and no times of what it never did', () => {
  const { clock, observer, sequences } = observed([[1], [2]])
  observer.taken(sequences)
  clock.ms += 20
  observer.ends(sequences[0]!, 'abort')
  for (const sequence of sequences) observer.left(sequence)
  const work = observer.take(0)
  expect(work.finished).toEqual({ stop: 0, length: 0, abort: 2, error: 0 })
  expect(sums(work)).toMatchObject({ timeToFirstTokenMs: [0, 0], queueTimeMs: [0, 0], e2eLatencyMs: [2, 40], generationTokens: [2, 0] })
})

it('[MT2] what goes on after a reset is not counted as a new request, and has no times from before', () => {
  const { clock, observer, sequences, step } = observed([[1, 2]])
  observer.resumed(sequences)
  clock.ms += 1000
  step(sequences[0]!, 5)
  observer.left(sequences[0]!)
  const work = observer.take(0)
  expect(work).toMatchObject({ requests: 0, promptTokens: 0, generationTokens: 1 })
  expect(sums(work)).toMatchObject({ timeToFirstTokenMs: [0, 0], e2eLatencyMs: [0, 0], decodeTimeMs: [0, 0], promptTokens: [1, 2], generationTokens: [1, 1] })
})

it('[MT1] a value on a bound is in the bucket of the bound; a clock that is set back counts as no time', () => {
  const { clock, observer, sequences, step } = observed([[1], [2]])
  observer.taken(sequences)
  clock.ms += 250
  step(sequences[0]!, 3)
  clock.ms -= 500
  step(sequences[1]!, 3)
  const { counts, sum } = observer.take(0).histograms.timeToFirstTokenMs
  expect([counts[0], counts[8], sum]).toEqual([1, 1, 250]) // ≤ 1 ms, ≤ 250 ms
})
