import type { Placement } from '../../shared/placement/placement.ts'
import { POLICY_DEFAULT } from '../../shared/placement/policy.ts'
import type { Policy } from '../../shared/placement/policy.ts'
import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { NO_MEANS } from './choose-source.ts'
import type { SourceMeans } from './choose-source.ts'
import { COUNTERS_VERSION, noCounters } from './counters.ts'
import type { Counters } from './counters.ts'
import type { EngineRecords } from './engine-records.ts'
import type { HostRecords } from './host-records.ts'
import type { RunningEvent } from './running-event.ts'
import type { AutoscalerStore } from './store.ts'

/** A newer instance has taken over: this one may write nothing any more. It is thrown through everything and ends the old instance's work. */
export class Fenced extends Error {
  constructor() {
    super('a newer instance of the autoscaler has taken over')
  }
}

/** The store, written only by whoever took over last, with what is absent filled in. SPEC EL10. */
export interface Ledger {
  readonly store: AutoscalerStore
  /** One transaction. Throws Fenced, and writes nothing, where a newer instance has taken over. */
  commit<T>(work: () => T extends Promise<unknown> ? never : T): T
  table(): Placement
  policy(): Policy
  hosts(): HostRecords
  engines(): EngineRecords
  sources(): SourceMeans
  /** Of the model of this name. */
  counters(model: string): Counters
  /** Applies a change to the running event as it is now. */
  update(change: (running: RunningEvent) => RunningEvent): RunningEvent
  /** The event that is under way and its place in history, together. */
  put(running: RunningEvent): void
  nextEventId(): number
}

/** Takes the autoscaler over: from here on every older instance is refused. */
export function takeOver(store: AutoscalerStore): Ledger {
  const token = store.transaction(() => {
    const next = (store.read('driver') ?? 0) + 1
    store.write('driver', next)
    return next
  })

  function commit<T>(work: () => T extends Promise<unknown> ? never : T): T {
    return store.transaction(() => {
      if (store.read('driver') !== token) throw new Fenced()
      return work()
    })
  }

  function put(running: RunningEvent): void {
    store.write('running', running)
    store.putEvent(running.event)
  }

  return {
    store,
    commit,
    put,
    table: () => must(store.read('table'), 'table').placement,
    policy: () => ({ ...POLICY_DEFAULT, ...store.read('policy') }),
    hosts: () => store.read('hosts') ?? {},
    engines: () => store.read('engines') ?? {},
    sources: () => store.read('sources') ?? NO_MEANS,
    counters(model) {
      const stored = store.read('counters')
      return stored?.model === model && stored.version === COUNTERS_VERSION ? stored : { ...noCounters(model), eventId: stored?.eventId ?? 0 }
    },
    update(change) {
      const running = change(must(store.read('running'), 'running event'))
      put(running)
      return running
    },
    nextEventId: () => (store.events(0).at(-1)?.id ?? 0) + 1,
  }
}

/** A phase of an event that is not there, or work before a table was planned, is a fault of ours. */
function must<T>(value: T | null, what: string): T {
  if (value === null) throw new Error(`the autoscaler has no ${what}`)
  return value
}

/** A change that is recorded as a whole at once: what became of the base when its inputs changed. */
export function baseEvent(id: number, fromEpoch: number, toEpoch: number, nowMs: number): ScaleEvent {
  const at = { startMs: nowMs, endMs: nowMs, bytes: 0 }
  return {
    id,
    reason: 'base',
    fromEpoch,
    toEpoch,
    moves: [],
    phases: [
      { phase: 'plan', ...at },
      { phase: 'publish', ...at },
    ],
    state: 'done',
    error: null,
  }
}
