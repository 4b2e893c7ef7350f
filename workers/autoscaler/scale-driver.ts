import type { Placement } from '../../shared/placement/placement.ts'
import type { Move } from '../../shared/placement/plan.ts'
import { recordTenure } from '../../shared/placement/tenure.ts'
import type { Phase, ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { HostControl } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Deployment } from './base-table.ts'
import { countEvents } from './counters.ts'
import { copyToHosts, dropFromHosts, probeHosts } from './copy-phases.ts'
import type { EngineLinks } from './engine-links.ts'
import { callHost, inParallel } from './host-calls.ts'
import type { HostCallDeps } from './host-calls.ts'
import { answered, putRecord, recordOf } from './host-records.ts'
import type { HostRecords } from './host-records.ts'
import type { Ledger } from './ledger.ts'
import { abandonLoads, dropsOf, finishEvent, nextPhase, phaseOf } from './running-event.ts'
import type { RunningEvent } from './running-event.ts'

export interface DriverDeps extends HostCallDeps {
  readonly ledger: Ledger
  readonly nowMs: () => number
  readonly links: EngineLinks
  /** Called after each change that listeners may see. */
  readonly emit: (event: ScaleEvent) => void
}

/** How a phase calls a host: only while this instance may still act. */
export interface EventWork {
  readonly deps: DriverDeps
  readonly deployment: Deployment
  call<T>(host: string, ask: (control: HostControl) => Promise<Result<T, MoeError>>, ms?: number): Promise<Result<T, MoeError>>
  /** Gives up the loads of the running event that `isLost` names. */
  abandon(isLost: (move: Move) => boolean, error: MoeError): void
  /** The host must be asked what it holds before it is believed again. */
  suspect(host: string): void
}

/** An event that so many instances could not bring to its end is given up. */
const ATTEMPTS_MAX = 8
/** Events that fail in a row make the next one wait: the window doubled each time, at most so often. */
const BACKOFF_DOUBLINGS = 6

/**
 * Takes the running event, if there is one, from its phase to its end. Each phase may be begun again from its start: calls to hosts and engines
 * are idempotent, and what a phase found is in the store before the next one begins. SPEC EL5, EL11.
 */
export async function driveEvent(deps: DriverDeps, deployment: Deployment): Promise<void> {
  const { ledger } = deps
  if (!ledger.store.read('running')) return
  const work = eventWork(deps, deployment)
  const { attempts } = ledger.commit(() => ledger.update((running) => ({ ...running, attempts: running.attempts + 1 })))
  if (attempts > ATTEMPTS_MAX) work.abandon(() => true, moeError('internal', `the event was begun ${ATTEMPTS_MAX} times and never ended`, {}))
  if (attempts > 2 * ATTEMPTS_MAX) return finish(deps, deployment) // not even the drops end: what hosts hold in vain is found when they are asked
  for (let running = ledger.store.read('running'); running; running = ledger.store.read('running')) {
    const phase = phaseOf(running)
    await PHASE_WORK[phase](work, running)
    if (phase === 'drop') finish(deps, deployment)
    else deps.emit(ledger.commit(() => ledger.update((now) => nextPhase(now, ledger.table(), deps.nowMs()))).event)
  }
}

const PHASE_WORK: Readonly<Record<Phase, (work: EventWork, running: RunningEvent) => Promise<void>>> = {
  plan: async () => undefined, // it was over before the event began
  wake,
  copy: copyToHosts,
  probe: probeHosts,
  publish,
  drain,
  drop: (work, running) => dropFromHosts(work, dropsOf(running, work.deps.ledger.table())),
}

function eventWork(deps: DriverDeps, deployment: Deployment): EventWork {
  const { ledger } = deps
  return {
    deps,
    deployment,
    async call(host, ask, ms) {
      ledger.commit(() => undefined) // an old instance must not act either
      return callHost(deps, host, ask, ms)
    },
    abandon: (isLost, error) => void ledger.commit(() => ledger.update((running) => abandonLoads(running, ledger.table(), isLost, error))),
    suspect: (host) => ledger.commit(() => ledger.store.write('hosts', putRecord(ledger.hosts(), host, { suspect: true }))),
  }
}

/** The first call to hosts that get something, and to those of the table whose isolate is not known yet: two that share one are one host. */
async function wake(work: EventWork, { event }: RunningEvent): Promise<void> {
  const { ledger, nowMs } = work.deps
  const table = ledger.table()
  const loading = new Set(event.moves.flatMap((move) => (move.kind === 'load' ? [move.host] : [])))
  const holding = new Set(table.layers.flatMap((experts) => experts.flatMap((replicas) => replicas.map((host) => table.hosts[host]!))))
  const unknown = Array.from(holding).filter((host) => recordOf(ledger.hosts(), host).isolateId === null && !recordOf(ledger.hosts(), host).lost)
  await inParallel(Array.from(new Set([...loading, ...unknown])), LIMITS.controlCallsMax, async (host) => {
    const answer = await work.call(host, (control) => control.inventory())
    if (answer.ok) {
      const lease = nowMs() + ledger.policy().leaseMs
      ledger.commit(() => ledger.store.write('hosts', answered(ledger.hosts(), answer.value.report, host, lease, nowMs())))
    } else {
      if (loading.has(host)) work.abandon((move) => move.host === host, answer.error)
      work.suspect(host)
    }
  })
  for (const host of loading) {
    const twin = twinOf(ledger.hosts(), ledger.store.read('running')!.target, host, holding)
    if (!twin) continue
    const message = `${host} is one host with ${twin}: both are isolate ${recordOf(ledger.hosts(), host).isolateId}`
    work.abandon((move) => move.host === host, moeError('host-unavailable', message, { host }))
  }
}

/** A host in the same isolate that counts before this one: it holds experts where this one does not, or comes first in the table. */
function twinOf(records: HostRecords, { hosts }: Placement, host: string, holding: ReadonlySet<string>): string | undefined {
  const { isolateId } = recordOf(records, host)
  const rank = (name: string) => (holding.has(name) ? 0 : hosts.length) + hosts.indexOf(name)
  return hosts.find((other) => {
    const record = recordOf(records, other)
    return other !== host && isolateId !== null && record.isolateId === isolateId && !record.lost && rank(other) < rank(host)
  })
}

/** The new table in one transaction, then to the engines. After a reset between the two it is there already. SPEC EL7. */
async function publish({ deps: { ledger, nowMs, links } }: EventWork, running: RunningEvent): Promise<void> {
  if (!running.published) {
    ledger.commit(() => {
      const { store } = ledger
      store.write('table', { ...store.read('table')!, placement: running.target })
      store.write('tenure', recordTenure(store.read('tenure') ?? {}, running.target, nowMs()))
      ledger.put({ ...running, published: true })
    })
  }
  await links.adopt(ledger.table())
}

async function drain({ deps: { ledger, links } }: EventWork, { event }: RunningEvent): Promise<void> {
  await links.drained(event.toEpoch, event.phases.at(-1)!.startMs + ledger.policy().drainMs)
}

function finish({ ledger, nowMs, emit }: DriverDeps, deployment: Deployment): void {
  const event = ledger.commit(() => {
    const { store } = ledger
    const finished = finishEvent(store.read('running')!, nowMs())
    store.write('running', null)
    store.putEvent(finished)
    const counters = ledger.counters(deployment.model)
    store.write('counters', countEvents(counters, store.events(counters.eventId + 1)))
    const failures = finished.error === null ? 0 : (store.read('backoff')?.failures ?? 0) + 1
    const waitMs = ledger.policy().windowMs * 2 ** Math.min(failures, BACKOFF_DOUBLINGS)
    store.write('backoff', failures === 0 ? null : { failures, untilMs: nowMs() + waitMs, reason: finished.reason })
    return finished
  })
  emit(event)
}
