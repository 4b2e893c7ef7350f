import { computed, signal } from '@preact/signals'
import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import type { Failure } from '../server/request.ts'
import { viewCluster } from './cluster-view.ts'
import type { ClusterState } from './cluster-state.ts'
import { autoscalerOf } from './cluster-state.ts'
import { followEvents, followState } from './follow.ts'
import type { EventCursor } from './follow.ts'
import { addSample, ratesOf } from './rates.ts'
import type { Sample } from './rates.ts'
import { mergeEvents } from './scale-log.ts'

/** The cluster as it is now, as signals. */
export function createClusterStore(nowMs: () => number) {
  const state = signal<ClusterState | null>(null)
  const log = signal<readonly ScaleEvent[]>([])
  const samples = signal<readonly Sample[]>([])
  const failure = signal<Failure | null>(null)
  const cursor: EventCursor = { lastId: null }
  let nudge = (): void => undefined

  /** Follows the cluster until the signal: the page is hidden, or the key is another one. */
  async function follow(key: string, aborted: AbortSignal): Promise<void> {
    const poll = createPause(aborted)
    const reopen = createPause(aborted)
    nudge = poll.end
    const onState = (next: ClusterState): void => {
      failure.value = null
      state.value = next
      log.value = mergeEvents(log.value, autoscalerOf(next)?.events ?? [])
      samples.value = addSample(samples.value, { atMs: nowMs(), isolateId: next.isolateId, generatedTokens: next.generatedTokens, steps: next.steps })
    }
    const onEvents = (events: readonly ScaleEvent[]): void => {
      log.value = mergeEvents(log.value, events)
      nudge() // the placement may be another one now
    }
    await Promise.all([
      followState({ key, signal: aborted, pause: poll.pause }, { state: onState, failure: (what) => (failure.value = what) }),
      followEvents({ key, signal: aborted, pause: reopen.pause }, cursor, onEvents),
    ])
  }

  return {
    /** Null until the first state came. */
    view: computed(() => state.value && viewCluster(state.value, log.value)),
    isReady: computed(() => state.value?.status.state === 'ready'),
    rates: computed(() => ratesOf(samples.value)),
    log,
    failure,
    follow,
  }
}

export type ClusterStore = ReturnType<typeof createClusterStore>

/** A wait that ends early when it is told to, or with the signal. */
function createPause(aborted: AbortSignal) {
  let end = (): void => undefined
  aborted.addEventListener('abort', () => end())
  return {
    end: () => end(),
    pause: (ms: number) =>
      new Promise<void>((resolve) => {
        if (aborted.aborted) return resolve()
        const timer = setTimeout(resolve, ms)
        end = () => {
          clearTimeout(timer)
          resolve()
        }
      }),
  }
}
