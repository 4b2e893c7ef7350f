import { createParser } from 'eventsource-parser'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ClusterEvent, ClusterState } from './cluster-schema.ts'
import type { LoadClock } from './drive.ts'
import { fetchPieces, fetchText, parseJson } from './fetch-text.ts'

/** How the server's cluster looked during a run, where it is isomoe. */
export interface ClusterView {
  readonly samples: readonly ClusterSample[]
  /** Scale events of the run, by id. */
  readonly events: readonly SeenEvent[]
}

export interface ClusterSample {
  /** From the beginning of the measured time, on the client's clock, when the answer had come. */
  readonly atMs: number
  readonly epoch: number
  /** Copies of experts beyond one each; null where the server does not say its placement. */
  readonly extraCopies: number | null
  readonly hosts: readonly HostSample[]
}

export interface HostSample {
  readonly host: string
  readonly state: 'warm' | 'standby' | 'lost' | null
  readonly residentBytes: number
  /** (token, expert) pairs that it was given since the engine began; null where the server does not count them. */
  readonly pairs: number | null
}

/** Times of one event on the client's clock: when its first and its last news came. Durations of phases are the server's. */
export interface SeenEvent {
  readonly event: ClusterEvent
  readonly seenMs: number
  readonly endedMs: number | null
}

export interface ClusterOptions {
  /** Without `/v1`. */
  readonly server: string
  readonly apiKey: string | null
  readonly clock: LoadClock
  readonly originMs: number
  readonly pollMs: number
  /** Ends it. */
  readonly signal: AbortSignal
}

const REQUEST_MS_MAX = 5000
const STATE_CHARS_MAX = 16 * 1024 * 1024
/** A stream that says more is opened again. */
const EVENTS_CHARS_MAX = 256 * 1024 * 1024

/** Polls /admin/state and follows /admin/events until the signal. Null where the first answer is none that we know: another server. */
export async function followCluster(options: ClusterOptions): Promise<ClusterView | null> {
  const samples: ClusterSample[] = []
  const seen = new Map<number, SeenEvent>()
  const first = await readState(options)
  if (first === null) return null
  samples.push(sampleOf(first, options))
  const history = new Set(first.autoscaler?.events.filter(({ state }) => state !== 'running').map(({ id }) => id))
  const following = followEvents(options, history, seen)
  while (!options.signal.aborted) {
    await options.clock.sleepUntil(options.clock.nowMs() + options.pollMs, options.signal)
    const state = options.signal.aborted ? null : await readState(options)
    if (state !== null) samples.push(sampleOf(state, options)) // one that did not come is a gap in the chart
  }
  await following
  return { samples, events: Array.from(seen.values()).toSorted((a, b) => a.event.id - b.event.id) }
}

async function readState({ server, apiKey, signal }: ClusterOptions): Promise<ClusterState | null> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS_MAX)])
  const { text } = await fetchText(`${server}/admin/state`, { apiKey, signal: deadline, charsMax: STATE_CHARS_MAX })
  return text === null ? null : (ClusterState.safeParse(parseJson(text)).data ?? null)
}

/** The engine's numbers where it is connected: they are fresh, while a host's own reach the autoscaler only when it answers an order. */
function sampleOf({ epoch, hosts, autoscaler }: ClusterState, { clock, originMs }: ClusterOptions): ClusterSample {
  const statuses = new Map(autoscaler?.hosts.map((status) => [status.host, status]))
  return {
    atMs: clock.nowMs() - originMs,
    epoch,
    extraCopies: autoscaler ? autoscaler.placement.layers.flat().reduce((sum, replicas) => sum + Math.max(0, replicas.length - 1), 0) : null,
    hosts: hosts.map(({ host, isolateId, residentBytes, pairs }) => {
      const status = statuses.get(host)
      return { host, state: status?.state ?? null, pairs, residentBytes: isolateId === null ? (status?.report?.residentBytes ?? residentBytes) : residentBytes }
    }),
  }
}

/** @param history events that had ended when the run began: the server sends them first, and they are no part of it. */
async function followEvents(options: ClusterOptions, history: ReadonlySet<number>, seen: Map<number, SeenEvent>): Promise<void> {
  const { server, apiKey, clock, originMs, signal } = options
  const onEvent = ({ data }: { readonly data: string }) => {
    const event = ClusterEvent.safeParse(parseJson(data)).data
    if (event === undefined) return
    const nowMs = clock.nowMs()
    const known = seen.get(event.id)
    if (history.has(event.id) || (known === undefined && seen.size >= LIMITS.loadScaleEventsMax)) return
    const endedMs = event.state === 'running' ? null : (known?.endedMs ?? nowMs - originMs)
    seen.set(event.id, { event, seenMs: known?.seenMs ?? nowMs - originMs, endedMs })
  }
  for (;;) {
    let full = false
    const parser = createParser({ maxBufferSize: STATE_CHARS_MAX, onEvent, onError: ({ type }) => (full ||= type === 'max-buffer-size-exceeded') })
    const request = { apiKey, signal, charsMax: EVENTS_CHARS_MAX, accept: 'text/event-stream' }
    const fetched = await fetchPieces(`${server}/admin/events`, request, (text) => {
      if (!full) parser.feed(text)
    })
    if (signal.aborted || (!fetched.ok && fetched.reason.startsWith('status '))) return // the run is over, or there are no events
    await clock.sleepUntil(clock.nowMs() + REOPEN_MS, signal)
  }
}

const REOPEN_MS = 1000
