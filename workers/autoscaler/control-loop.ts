import { addTraffic, fitCost, NO_COST_SUMS } from '../../shared/placement/cost-fit.ts'
import { smoothLoad } from '../../shared/placement/demand.ts'
import type { Plan } from '../../shared/placement/plan.ts'
import type { ScaleEvent, ScaleReason } from '../../shared/protocol/autoscaler-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { AutoscalerDeps } from './autoscaler-core.ts'
import { ensureTable, expertCounts } from './base-table.ts'
import type { Deployment } from './base-table.ts'
import { decide, holdsLost, nextAlarmMs } from './decide.ts'
import type { Situation } from './decide.ts'
import type { EngineLinks } from './engine-links.ts'
import { liveEngines } from './engine-records.ts'
import { checkHosts } from './host-check.ts'
import { suspectHosts } from './host-records.ts'
import { Fenced } from './ledger.ts'
import type { Ledger } from './ledger.ts'
import { emptyWindow, smoothStepTimes } from './load-window.ts'
import { startEvent } from './running-event.ts'
import { driveEvent } from './scale-driver.ts'
import type { DriverDeps } from './scale-driver.ts'

/** Wakes itself while there is something to do, decides once a window, and drives the event that follows. SPEC EL9 to EL13. */
export interface ControlLoop {
  /** The alarm fired, perhaps twice. Never rejects. */
  onAlarm(): Promise<void>
  /** Sees to it that the loop looks at things by then. */
  armBy(atMs: number): void
  /** Begins to drive the running event now; somebody else's promise never waits for it. */
  kick(): void
  /** Begins an event on the table as it is; null where one is under way. */
  begin(reason: ScaleReason, plan: Pick<Plan, 'target' | 'moves'>, planStartMs: number): ScaleEvent | null
  /** The deployment, after its table was made sure of. */
  ready(): Promise<Result<Deployment, MoeError>>
  situation(deployment: Deployment): Situation
}

export interface ControlLoopInputs {
  readonly deps: AutoscalerDeps
  readonly ledger: Ledger
  readonly links: EngineLinks
  readonly emit: (event: ScaleEvent) => void
}

/** Events that one turn of the loop begins: the experts of a lost host, then a reset one's, then what the load asks for. */
const TURNS_MAX = 3
/** An alarm that is so many windows late was lost by the platform. */
const LATE_WINDOWS = 5

export function createControlLoop({ deps, ledger, links, emit }: ControlLoopInputs): ControlLoop {
  const { store } = ledger
  const { nowMs } = deps
  const driver: DriverDeps = { ...deps, ledger, links, emit }
  /** One at a time in this instance; of two instances, the store refuses the older. */
  let driving = false
  /** When the alarm will fire as far as this instance knows. */
  let armedMs: number | null = null

  function arm(atMs: number | null): void {
    armedMs = atMs
    deps.setAlarm(atMs)
  }

  function armBy(atMs: number): void {
    const wasLost = armedMs !== null && armedMs < nowMs() - LATE_WINDOWS * ledger.policy().windowMs
    if (armedMs === null || armedMs > atMs || wasLost) arm(atMs)
  }

  async function onAlarm(): Promise<void> {
    arm(nowMs() + ledger.policy().windowMs) // first: nothing below may end the loop
    await drive()
  }

  function kick(): void {
    void drive()
  }

  async function drive(): Promise<void> {
    if (driving) return
    driving = true
    try {
      const deployment = await ready()
      if (!deployment.ok) return deps.onFault('the deployment could not be read', deployment.error)
      await driveEvent(driver, deployment.value)
      let isNewWindow = closeWindow(deployment.value)
      for (let turns = 0; turns < TURNS_MAX; turns++) {
        await repairHosts(deployment.value)
        act(deployment.value, isNewWindow)
        if (!store.read('running')) break
        isNewWindow = false
        while (store.read('running')) await driveEvent(driver, deployment.value) // also one that was begun by hand meanwhile
      }
    } catch (error) {
      if (!(error instanceof Fenced)) deps.onFault('a turn of the control loop failed', error) // the alarm is armed: the next turn goes on
    } finally {
      driving = false
      rearm()
    }
  }

  async function ready(): Promise<Result<Deployment, MoeError>> {
    const deployment = await deps.deployment()
    if (!deployment.ok) return deployment
    const table = ensureTable(ledger, deployment.value, nowMs())
    return table.ok ? ok(deployment.value) : table
  }

  /** A window closes once, whatever fires twice: a young one stays open. */
  function closeWindow(deployment: Deployment): boolean {
    const window = store.read('window')
    const policy = ledger.policy()
    const now = nowMs()
    if (window === null || now - window.startMs < policy.windowMs / 2) return false
    ledger.commit(() => {
      store.write('demand', smoothLoad(store.read('demand'), window, policy))
      store.write('stepTimes', smoothStepTimes(store.read('stepTimes'), window, now, policy.smoothingWindows))
      store.write('costSums', addTraffic(store.read('costSums') ?? NO_COST_SUMS, Object.values(window.hosts)))
      store.write('window', emptyWindow(expertCounts(deployment), now, window.lastReportMs))
      store.write('engines', liveEngines(ledger.engines(), now))
    })
    return true
  }

  /** Notes what hosts say, and begins to fill those that were reset. Lost hosts' experts come before that: what has to wait is found again. */
  async function repairHosts(deployment: Deployment): Promise<void> {
    if (store.read('running')) return
    const startMs = nowMs()
    const { change, repairs } = await checkHosts(driver, deployment)
    const placement = ledger.table()
    const records = change(ledger.hosts())
    const waits = mayNotBegin('lost-host') || holdsLost({ placement, records })
    const unrepaired = waits ? repairs.map(({ host }) => host) : [] // they are asked again
    ledger.commit(() => store.write('hosts', suspectHosts(records, unrepaired)))
    if (!waits && repairs.length > 0) begin('lost-host', { target: { ...placement, epoch: placement.epoch + 1 }, moves: repairs }, startMs)
  }

  /** Load is planned for once a window; a turn in between, for a plan by hand or a fault, sees only to lost hosts. */
  function act(deployment: Deployment, isNewWindow: boolean): void {
    const startMs = nowMs()
    const now = situation(deployment)
    const reason = holdsLost(now) ? 'lost-host' : 'load'
    if (mayNotBegin(reason) || (reason === 'load' && !isNewWindow)) return
    const plan = decide(deps.plan, now)
    if (plan) begin(reason, plan, startMs)
  }

  /** After failures everything waits, but a lost host only for failures of its own. */
  function mayNotBegin(reason: ScaleReason): boolean {
    const backoff = store.read('backoff')
    const waits = backoff !== null && backoff.untilMs > nowMs() && (reason !== 'lost-host' || backoff.reason === reason)
    return waits || store.read('running') !== null
  }

  function begin(reason: ScaleReason, plan: Pick<Plan, 'target' | 'moves'>, planStartMs: number): ScaleEvent | null {
    const event = ledger.commit(() => {
      if (store.read('running')) return null
      const running = startEvent({ id: ledger.nextEventId(), reason, plan, fromEpoch: ledger.table().epoch, planStartMs, nowMs: nowMs() })
      ledger.put(running)
      return running.event
    })
    if (event) emit(event)
    return event
  }

  function situation(deployment: Deployment): Situation {
    return {
      placement: ledger.table(),
      deployment,
      records: ledger.hosts(),
      demand: store.read('demand'),
      policy: ledger.policy(),
      tenure: store.read('tenure') ?? {},
      cost: fitCost(store.read('costSums') ?? NO_COST_SUMS),
      nowMs: nowMs(),
    }
  }

  function rearm(): void {
    try {
      ledger.commit(() => undefined) // the alarm is the newer instance's as well
    } catch {
      return
    }
    const next = nextAlarmMs({
      nowMs: nowMs(),
      policy: ledger.policy(),
      lastReportMs: store.read('window')?.lastReportMs ?? -Infinity,
      engines: ledger.engines(),
      isRunning: store.read('running') !== null,
      records: ledger.hosts(),
      tenure: store.read('tenure') ?? {},
      backoffUntilMs: store.read('backoff')?.untilMs ?? 0,
    })
    arm(next)
    if (next === null) links.closeAll() // a control that is held keeps its engine awake: it joins again with its next report
  }

  return { onAlarm, armBy, kick, begin, ready, situation }
}
