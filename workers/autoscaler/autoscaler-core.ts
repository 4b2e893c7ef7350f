import { measuredCallPairs, NO_COST_SUMS } from '../../shared/placement/cost-fit.ts'
import { samePlaces } from '../../shared/placement/placement.ts'
import type { Plan } from '../../shared/placement/plan.ts'
import { checkPolicyChange } from '../../shared/placement/policy.ts'
import type { Policy } from '../../shared/placement/policy.ts'
import type { AutoscalerApi, AutoscalerState, EngineReport, JoinAnswer, ScaleAnswer, ScaleRequest } from '../../shared/protocol/autoscaler-api.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { MetricsSnapshot } from '../../shared/protocol/metrics-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { stateOf } from './autoscaler-state.ts'
import { expertCounts, passEpoch } from './base-table.ts'
import type { Deployment } from './base-table.ts'
import { countReport } from './counters.ts'
import { createControlLoop } from './control-loop.ts'
import { isTraffic, planNow } from './decide.ts'
import type { Planner, Situation } from './decide.ts'
import { createEngineLinks } from './engine-links.ts'
import type { JoinedEngine } from './engine-links.ts'
import { hasRoomFor, liveEngines, recordJoin, recordReport, wasCounted } from './engine-records.ts'
import { createEventListeners } from './event-listeners.ts'
import type { HostCallDeps } from './host-calls.ts'
import { noteTraffic, planHosts } from './host-records.ts'
import { takeOver } from './ledger.ts'
import { addReport, emptyWindow, isName, reportFault } from './load-window.ts'
import { planByHand } from './manual-plan.ts'
import { scrape } from './scrape.ts'
import type { AutoscalerStore } from './store.ts'

export interface AutoscalerDeps extends HostCallDeps {
  readonly store: AutoscalerStore
  readonly nowMs: () => number
  /** What is deployed; the owner remembers it. */
  readonly deployment: () => Promise<Result<Deployment, MoeError>>
  readonly plan: Planner
  /** Null takes the alarm back. */
  readonly setAlarm: (atMs: number | null) => void
  readonly onFault: (message: string, error: unknown) => void
}

/** The RPC face, with the engine's control as something that can be closed, and the alarm. */
export interface AutoscalerCore extends Omit<AutoscalerApi, 'join'> {
  join(engine: string, isolateId: string, control: JoinedEngine): Promise<Result<JoinAnswer, MoeError>>
  onAlarm(): Promise<void>
}

/** The autoscaler without the platform. The newest instance on a store is the one that acts. Rules: SPEC EL1 to EL14. */
export function createAutoscaler(deps: AutoscalerDeps): AutoscalerCore {
  const ledger = takeOver(deps.store)
  const { store } = ledger
  const { nowMs } = deps
  const listeners = createEventListeners()
  const links = createEngineLinks({ ...deps, ledger })
  const loop = createControlLoop({ deps, ledger, links, emit: (event) => listeners.emit(event) })
  const callPairs = () => measuredCallPairs(store.read('costSums') ?? NO_COST_SUMS)
  const leaseMs = () => nowMs() + ledger.policy().leaseMs

  async function join(engine: string, isolateId: string, control: JoinedEngine): Promise<Result<JoinAnswer, MoeError>> {
    let joined = false
    try {
      const deployment = await loop.ready()
      if (!deployment.ok) return deployment
      if (!isName(engine) || !isName(isolateId)) return unreadable('engine')
      const table = ledger.table()
      const live = liveEngines(ledger.engines(), nowMs())
      if (!hasRoomFor(live, engine)) return noRoom()
      ledger.commit(() => store.write('engines', recordJoin(live, engine, isolateId, table.epoch, leaseMs())))
      links.join(engine, isolateId, control)
      joined = true
      loop.armBy(leaseMs()) // its control is given back when nothing comes of it
      return ok({ placement: table, windowMs: ledger.policy().windowMs, callPairs: callPairs() })
    } finally {
      if (!joined) control.close()
    }
  }

  async function report(said: EngineReport) {
    const deployment = await loop.ready()
    if (!deployment.ok) return deployment
    const counts = expertCounts(deployment.value)
    const fault = reportFault(said, counts, ledger.table().epoch)
    if (fault !== null) return unreadable(fault)
    if (!hasRoomFor(liveEngines(ledger.engines(), nowMs()), said.engine)) return noRoom()
    passEpoch(ledger, said.epoch, nowMs())
    const { windowMs } = ledger.policy()
    const table = ledger.table()
    if (!wasCounted(ledger.engines(), said)) {
      const window = store.read('window') ?? emptyWindow(counts, nowMs() - said.windowMs, nowMs())
      const hosts = said.hosts.filter(({ host }) => table.hosts.includes(host))
      const noted = noteTraffic(ledger.hosts(), table, hosts, leaseMs())
      const isStale = !isTraffic(nowMs(), window.lastReportMs, ledger.policy()) // nobody was there to see that the traffic ended
      ledger.commit(() => {
        if (isStale) store.write('demand', null)
        store.write('window', addReport(window, { ...said, hosts }, nowMs()))
        store.write('engines', recordReport(ledger.engines(), said, leaseMs()))
        store.write('hosts', noted.records)
        store.write('counters', countReport(ledger.counters(deployment.value.model), said, hosts, nowMs()))
      })
      loop.armBy(nowMs() + (noted.suspects ? 0 : windowMs)) // a fault is looked into at once
    }
    return ok({ placement: table.epoch > said.epoch ? table : null, windowMs, callPairs: callPairs(), rejoin: !links.has(said.engine, said.isolateId) })
  }

  async function state(): Promise<Result<AutoscalerState, MoeError>> {
    const deployment = await loop.ready()
    return deployment.ok ? ok(stateOf(ledger, loop.situation(deployment.value), deps.plan)) : deployment
  }

  async function metrics(): Promise<Result<MetricsSnapshot, MoeError>> {
    const deployment = await loop.ready()
    return deployment.ok ? ok(await scrape(deps, ledger, deployment.value.model)) : deployment
  }

  async function scale(request: ScaleRequest): Promise<Result<ScaleAnswer, MoeError>> {
    const deployment = await loop.ready()
    if (!deployment.ok) return deployment
    const startMs = nowMs()
    const situation = loop.situation(deployment.value)
    const planned = planFor(request, situation, deps.plan)
    if (!planned.ok) return planned
    const { target, moves, predicted } = planned.value
    if (request.dryRun || samePlaces(target, situation.placement)) return ok({ moves, predicted, event: null })
    const event = loop.begin('manual', { target, moves }, startMs)
    if (!event) return conflict(store.read('running')!.event.id)
    loop.armBy(nowMs() + situation.policy.windowMs) // first: the event goes on if this instance does not
    loop.kick()
    return ok({ moves, predicted, event })
  }

  async function setPolicy(change: Partial<Policy>): Promise<Result<Policy, MoeError>> {
    const wrong = checkPolicyChange(change)
    if (wrong) {
      const reason = wrong.unknown ? 'unknown_parameter' : 'invalid_value'
      return fail('invalid-request', `'${wrong.field.slice(0, 64)}' ${wrong.message}.`, { param: wrong.field.slice(0, 64), reason })
    }
    const policy = { ...ledger.policy(), ...change }
    ledger.commit(() => store.write('policy', policy))
    loop.armBy(nowMs() + policy.windowMs) // what it allows or forbids may be due now
    return ok(policy)
  }

  return { join, report, state, metrics, events: async (fromId) => listeners.open(store.events(fromId)), scale, setPolicy, onAlarm: loop.onAlarm }
}

interface NamedPlan extends Pick<Plan, 'target' | 'moves'> {
  readonly predicted: Plan['predicted'] | null
}

function planFor({ experts }: ScaleRequest, situation: Situation, planner: Planner): Result<NamedPlan, MoeError> {
  if (experts.length === 0) return ok(planNow(planner, situation, true))
  const { placement, records, policy, deployment } = situation
  const hosts = planHosts(records, placement, deployment.base[0]!.arenaBytes, policy.standby)
  const planned = planByHand(experts, placement, hosts, deployment.expertBytes)
  return planned.ok ? ok({ ...planned.value, predicted: null }) : planned
}

function unreadable(param: string) {
  return fail('invalid-request', `the engine's ${param} cannot be read`, { param, reason: 'invalid_value' })
}

function noRoom() {
  return fail('overloaded', `there are ${LIMITS.enginesMax} engines already`, { retryAfterS: 1 })
}

function conflict(event: number) {
  return fail('conflict', `scale event ${event} is under way`, { event })
}
