import { HISTOGRAM_NAMES, NO_REQUEST_WORK, bucketOf } from '../../shared/protocol/request-work.ts'
import type { FinishedReason, HistogramName, RequestWork } from '../../shared/protocol/request-work.ts'
import type { GenerateEvent } from '../../shared/protocol/engine-api.ts'
import { HOST_WORDS } from './host-set.ts'
import type { Sequence } from './sequence.ts'

/** When what happened to a sequence, on the engine's clock. Null: not yet. */
export interface SequenceTimes {
  queuedMs: number
  /** Its first step began. */
  startedMs: number | null
  /** Its prompt, and what was known of its continuation, were in the cache. */
  prefilledMs: number | null
  /** A step was done that made something of it, or found its end. */
  madeMs: number
  tokenMs: number | null
  /** It goes on after a reset or a broken stream: when its request came is not known here, and that it came was counted. */
  isResumed: boolean
  /** Known before it leaves. */
  reason: FinishedReason | null
  /** Hosts that its tokens were sent to, by index. */
  readonly hosts: Uint32Array
}

export function newSequenceTimes(): SequenceTimes {
  return { queuedMs: 0, startedMs: null, prefilledMs: null, madeMs: 0, tokenMs: null, isResumed: false, reason: null, hosts: new Uint32Array(HOST_WORDS) }
}

/**
 * Sees what becomes of an engine's requests and counts it: additions into arrays that are there, nothing a token. `take` ends a window.
 * Its clock is the engine's, which moves at I/O; each step has some. SPEC MT1 to MT3.
 */
export function createObserver(nowMs: () => number) {
  let work = newWork()
  let preemptionsBefore = 0

  /** A request was taken; its sequences wait from now on. */
  function taken(sequences: readonly Sequence[]): void {
    work.requests++
    wait(sequences, false)
  }

  function resumed(sequences: readonly Sequence[]): void {
    wait(sequences, true)
  }

  function wait(sequences: readonly Sequence[], isResumed: boolean): void {
    const queuedMs = nowMs()
    for (const { times } of sequences) {
      times.queuedMs = queuedMs
      times.isResumed = isResumed
    }
  }

  /** Refused because too many wait. */
  function refused(): void {
    work.refused++
  }

  function stepBegins(slices: readonly { readonly sequence: Sequence }[]): void {
    const startedMs = nowMs()
    for (const { sequence } of slices) sequence.times.startedMs ??= startedMs
  }

  /** A step was done. Before what it made is told. */
  function stepDone({ times, length, tokens }: Sequence): void {
    if (length < tokens.length) return
    times.madeMs = nowMs()
    times.prefilledMs ??= times.madeMs
  }

  /** An event goes to the reader. */
  function told({ times, promptLength, cachedTokens }: Sequence, event: GenerateEvent): void {
    if (event.type === 'finish') {
      times.reason = event.reason
    } else if (event.type === 'token') {
      work.generationTokens++
      if (times.tokenMs !== null) observe('interTokenLatencyMs', times.madeMs - times.tokenMs)
      times.tokenMs = times.madeMs
    } else if (event.type === 'prefilled' && !times.isResumed) {
      work.promptTokens += promptLength
      work.prefixQueries += promptLength
      work.prefixHits += cachedTokens
      observe('timeToFirstTokenMs', times.madeMs - times.queuedMs)
    }
  }

  /** It is cancelled or failed; the first that says why is right. */
  function ends({ times }: Sequence, reason: FinishedReason): void {
    times.reason ??= reason
  }

  /** It is out of the queue, and comes here once. */
  function left({ times, promptLength, tokens }: Sequence): void {
    work.finished[times.reason ?? 'abort']++
    observe('promptTokens', promptLength)
    observe('generationTokens', tokens.length - promptLength)
    if (times.isResumed) return
    const { queuedMs, startedMs, prefilledMs } = times
    observe('e2eLatencyMs', nowMs() - queuedMs)
    if (startedMs === null) return
    observe('queueTimeMs', startedMs - queuedMs)
    if (prefilledMs === null) return
    observe('prefillTimeMs', prefilledMs - startedMs)
    observe('decodeTimeMs', (times.tokenMs ?? prefilledMs) - prefilledMs)
  }

  function observe(name: HistogramName, value: number): void {
    const whole = Math.max(0, Math.round(value)) // a clock that was set back
    const histogram = work.histograms[name]
    histogram.counts[bucketOf(name, whole)]!++
    histogram.sum += whole
  }

  /** Ends the window. @param preemptions since the engine began: the queue counts them. */
  function take(preemptions: number): RequestWork {
    const ended = { ...work, preemptions: preemptions - preemptionsBefore }
    preemptionsBefore = preemptions
    work = newWork()
    return ended
  }

  return { taken, resumed, refused, stepBegins, stepDone, told, ends, left, take }
}

export type EngineObserver = ReturnType<typeof createObserver>

type Counted<T> = { -readonly [K in keyof T]: T[K] extends number ? number : T[K] extends readonly number[] ? number[] : Counted<T[K]> }

function newWork(): Counted<RequestWork> {
  const { finished, histograms } = NO_REQUEST_WORK
  const empty = HISTOGRAM_NAMES.map((name) => [name, { counts: [...histograms[name].counts], sum: 0 }])
  return { ...NO_REQUEST_WORK, finished: { ...finished }, histograms: Object.fromEntries(empty) as Counted<RequestWork>['histograms'] }
}
