import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { readEvents } from '../server/event-stream.ts'
import { networkFailure, send, sendForJson, wantsKey } from '../server/request.ts'
import type { Answered, Failure } from '../server/request.ts'
import type { ClusterState } from './cluster-state.ts'
import { readScaleEvent } from './scale-log.ts'

export interface FollowOptions {
  readonly key: string
  /** Ends it: the page is hidden, or the key is another one. */
  readonly signal: AbortSignal
  /** Resolves after `ms`, earlier where there is reason to look, and at once when the signal ended. */
  pause(ms: number): Promise<void>
}

const POLL_MS = 1000
const RETRY_MS_MAX = 15_000

/** Asks for the state once a second until the signal, more rarely while it does not come. A missing key ends it: only its reader can help. SPEC LP7. */
export async function followState(
  { key, signal, pause }: FollowOptions,
  on: { state(state: ClusterState): void; failure(failure: Failure): void },
): Promise<void> {
  let retryMs = POLL_MS
  while (!signal.aborted) {
    const answered = await orAborted(signal, () => readState(key, signal))
    if (answered === null) return
    if (answered.ok) {
      retryMs = POLL_MS
      on.state(answered.value)
      await pause(POLL_MS)
    } else {
      on.failure(answered.failure)
      if (wantsKey(answered.failure)) return
      await pause((retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)))
    }
  }
}

async function readState(key: string, signal: AbortSignal): Promise<Answered<ClusterState>> {
  const sent = await sendForJson('/admin/state', { key, signal })
  if (!sent.ok) return sent
  return isClusterState(sent.value) ? { ok: true, value: sent.value } : { ok: false, failure: OTHER_STATE }
}

/** A page that is older or newer than the server behind it. */
const OTHER_STATE: Failure = {
  status: 200,
  code: 'invalid_state',
  message: 'The server describes its state in another way than this page reads. Reload the page.',
}

function isClusterState(value: unknown): value is ClusterState {
  if (!isObject(value)) return false
  const { steps, generatedTokens, hosts, status, autoscaler } = value as Partial<ClusterState>
  const known = typeof steps === 'number' && typeof generatedTokens === 'number' && Array.isArray(hosts) && isObject(status)
  return known && isObject(autoscaler) && ('error' in autoscaler || (Array.isArray(autoscaler.load) && isObject(autoscaler.placement)))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Where the stream of scale events goes on. */
export interface EventCursor {
  lastId: string | null
}

/**
 * Follows scale events until the signal. A stream that ends is opened again with the last id that was seen, later and later while none comes.
 * fetch and not EventSource: that sends no Authorization, and a key in an address would be in every log. SPEC LP5, LP6.
 */
export async function followEvents(
  { key, signal, pause }: FollowOptions,
  cursor: EventCursor,
  onEvents: (events: readonly ScaleEvent[]) => void,
): Promise<void> {
  let retryMs = POLL_MS
  while (!signal.aborted) {
    const opened = await orAborted(signal, () => {
      const headers = { accept: 'text/event-stream', ...(cursor.lastId !== null && { 'last-event-id': cursor.lastId }) }
      return send('/admin/events', { key, headers, signal })
    })
    if (opened === null || (!opened.ok && wantsKey(opened.failure))) return
    if (opened.ok) {
      const read = async () => {
        try {
          await readEvents(opened.value.body!, (events) => {
            retryMs = POLL_MS
            cursor.lastId = events.findLast(({ id }) => id !== null)?.id ?? cursor.lastId
            onEvents(events.flatMap(({ data }) => readScaleEvent(data) ?? []))
          })
        } catch (error) {
          if (!(error instanceof RangeError)) networkFailure(error, signal) // throws what is neither: then it is ours
        }
        return true
      }
      if ((await orAborted(signal, read)) === null) return
    }
    await pause(retryMs)
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)
  }
}

/** Null where the signal ended it, whatever it threw then. */
async function orAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch (error) {
    if (signal.aborted) return null
    throw error
  }
}
