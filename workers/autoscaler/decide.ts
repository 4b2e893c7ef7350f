import type { CostModel } from '../../shared/placement/cost-model.ts'
import { pauseWindows } from '../../shared/placement/demand.ts'
import type { Demand } from '../../shared/placement/demand.ts'
import { holdsExperts, samePlaces } from '../../shared/placement/placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { Load, Plan, PlanHost, PlanLimits } from '../../shared/placement/plan.ts'
import type { Policy } from '../../shared/placement/policy.ts'
import { mayDropAfter } from '../../shared/placement/tenure.ts'
import type { Tenure } from '../../shared/placement/tenure.ts'
import type { Deployment } from './base-table.ts'
import { liveEngines } from './engine-records.ts'
import type { EngineRecords } from './engine-records.ts'
import { planHosts, recordOf } from './host-records.ts'
import type { HostRecords } from './host-records.ts'

export type Planner = (load: Load, hosts: readonly PlanHost[], current: Placement, limits: PlanLimits) => Plan

/** All that a plan is made from. */
export interface Situation {
  readonly placement: Placement
  readonly deployment: Deployment
  readonly records: HostRecords
  readonly demand: Demand | null
  readonly policy: Policy
  readonly tenure: Tenure
  /** Null: no call was seen yet. */
  readonly cost: CostModel | null
  readonly nowMs: number
}

/** What the planner would do now. `forced`: also where the policy is off or a copy has not stayed its time; what moves must pay all the same. */
export function planNow(planner: Planner, situation: Situation, forced: boolean): Plan {
  const { placement, deployment, records, demand, policy, tenure, cost, nowMs } = situation
  const frozen = !policy.enabled && !forced
  const limits: PlanLimits = {
    deviation: demand?.deviation ?? null,
    expertBytes: deployment.expertBytes,
    cost: cost ?? UNMEASURED,
    movesMax: frozen ? 0 : policy.movesMax,
    moveBytesMax: frozen ? 0 : policy.moveBytesMax,
    copiesMax: policy.copiesMax,
    gainMin: policy.gainMin,
    mayDrop: frozen ? () => false : forced ? null : mayDropAfter(tenure, placement, nowMs, policy.stayMs),
  }
  const load = demand?.load ?? deployment.expertBytes.map((experts) => experts.map(() => 0))
  return planner(load, planHosts(records, placement, arenaBytes(deployment), policy.standby), placement, limits)
}

/** Windows of traffic before copies are made for it: one is a handful of requests, and those that a cold start answers first say least. */
const SETTLED_WINDOWS = 3

/** Before any call was measured a plan can only re-place what was lost, or do what it is told: any rate will do. */
const UNMEASURED: CostModel = { callMs: 0, rttMs: 0, pairsPerMs: 1 }

/** What should be done now, or null. Lost hosts' experts are placed again whatever the policy says. SPEC EL12, EL13. */
export function decide(planner: Planner, situation: Situation): Plan | null {
  const { placement, policy, demand, cost } = situation
  if (!holdsLost(situation) && (!policy.enabled || demand === null || cost === null || isUnsettled(demand))) return null
  const plan = planNow(planner, situation, false)
  return samePlaces(plan.target, placement) ? null : plan
}

/** Traffic has just begun. No traffic at all is settled: then copies go. */
export function isUnsettled({ steps, windows }: Demand): boolean {
  return steps > 0 && windows < SETTLED_WINDOWS
}

/** Every host has the same: LIMITS.hostArenaBytes or what the deployment says. */
function arenaBytes({ base }: Deployment): number {
  return base[0]!.arenaBytes
}

/** Whether a lost host still stands in the table. */
export function holdsLost({ placement, records }: Pick<Situation, 'placement' | 'records'>): boolean {
  return placement.hosts.some((host, index) => recordOf(records, host).lost && holdsExperts(placement, index))
}

/** Whether engines reported lately: until the load of a pause is zero, and was acted on once. */
export function isTraffic(nowMs: number, lastReportMs: number, policy: Policy): boolean {
  return nowMs < lastReportMs + (pauseWindows(policy) + 2) * policy.windowMs
}

export interface AlarmInputs {
  readonly nowMs: number
  readonly policy: Policy
  readonly lastReportMs: number
  readonly engines: EngineRecords
  readonly isRunning: boolean
  readonly records: HostRecords
  readonly tenure: Tenure
  /** Until when no new event may begin. */
  readonly backoffUntilMs: number
}

/**
 * When there is something to do next; null: nothing, until a report or a request comes, so nothing is billed. SPEC EL9.
 * Traffic keeps it at one window, until the load of a pause without steps is zero and was acted on once; and so does the lease of an engine.
 */
export function nextAlarmMs({ nowMs, policy, lastReportMs, engines, isRunning, records, tenure, backoffUntilMs }: AlarmInputs): number | null {
  const nextWindowMs = nowMs + policy.windowMs
  const inTraffic = isTraffic(nowMs, lastReportMs, policy)
  const joined = Object.keys(liveEngines(engines, nowMs)).length > 0
  if (isRunning || inTraffic || joined || Object.values(records).some((record) => record.suspect)) return nextWindowMs
  if (!policy.enabled) return null
  const staysMs = Object.values(tenure).map((sinceMs) => sinceMs + policy.stayMs)
  // What has stayed its time and is still there was kept by the planner, unless it could not act.
  const due = staysMs.flatMap((untilMs) => (untilMs > nowMs ? [untilMs] : backoffUntilMs > nowMs ? [backoffUntilMs] : []))
  return due.length === 0 ? null : Math.max(nextWindowMs, Math.min(...due))
}
