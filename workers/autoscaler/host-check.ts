import { expertsOfHost } from '../../shared/placement/placement.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { Move } from '../../shared/placement/plan.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { ExpertRef, HostControl, HostStatusReport } from '../../shared/protocol/host-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Deployment } from './base-table.ts'
import { inOrders, orderOf } from './copy-phases.ts'
import { undrained } from './engine-records.ts'
import { callHost, inParallel, pause } from './host-calls.ts'
import { isTraffic, isUnsettled } from './decide.ts'
import { answered, hostsToAsk, putRecord } from './host-records.ts'
import type { HostRecords } from './host-records.ts'
import type { DriverDeps } from './scale-driver.ts'

/** Between the two questions after which a host counts as lost: one that was reset is back at once. */
const ASK_AGAIN_MS = 250

type Inventory = { readonly experts: readonly ExpertRef[]; readonly report: HostStatusReport }

/** What a check found; its owner writes it, together with the event that follows from it. */
export interface HostCheck {
  readonly change: (records: HostRecords) => HostRecords
  /** Loads that bring back what hosts should hold and lost. */
  readonly repairs: readonly Move[]
}

/**
 * Asks suspects and silent hosts what they hold. What the table does not give them is dropped, and extra copies that they lost are loaded again while there is a load
 * that they were made for. Everything else that a host lacks comes with its first use, as its base replicas always do: a restarted cluster loads nothing at once.
 * A host that does not answer twice is lost. SPEC EL12.
 */
export async function checkHosts(deps: DriverDeps, deployment: Deployment): Promise<HostCheck> {
  const { ledger, nowMs } = deps
  const { store } = ledger
  const table = ledger.table()
  const traffic = isTraffic(nowMs(), store.read('window')?.lastReportMs ?? -Infinity, ledger.policy())
  const demand = store.read('demand')
  const isLoaded = traffic && demand !== null && demand.steps > 0 && !isUnsettled(demand)
  const repairs: Move[] = []
  const changes: ((records: HostRecords) => HostRecords)[] = []
  await inParallel(hostsToAsk(ledger.hosts(), table, nowMs(), traffic), LIMITS.controlCallsMax, async (host) => {
    const answer = await askTwice(deps, host)
    const leaseUntilMs = nowMs() + ledger.policy().leaseMs
    if (!answer.ok) {
      changes.push((records) => putRecord(records, host, { lost: true, suspect: false, leaseUntilMs }))
      return
    }
    const clean = await dropExtras(deps, deployment, host, table, answer.value)
    if (isLoaded) repairs.push(...missingCopies(deployment, table, host, answer.value))
    changes.push((records) => putRecord(answered(records, answer.value.report, host, leaseUntilMs, nowMs()), host, { suspect: !clean }))
  })
  return { change: (records) => changes.reduce((changed, change) => change(changed), records), repairs: repairs.toSorted(inOrder) }
}

async function askTwice(deps: DriverDeps, host: string): Promise<Result<Inventory, MoeError>> {
  const ask = (control: HostControl) => control.inventory()
  deps.ledger.commit(() => undefined)
  const first = await callHost(deps, host, ask)
  if (first.ok) return first
  await pause(deps.setTimer, ASK_AGAIN_MS)
  deps.ledger.commit(() => undefined)
  return callHost(deps, host, ask)
}

/** Whether the host holds nothing now that the table does not give it. What an older table gave it waits until no engine has a step on that. */
async function dropExtras(deps: DriverDeps, deployment: Deployment, host: string, table: Placement, held: Inventory): Promise<boolean> {
  const given = new Set(expertsOfHost(table, table.hosts.indexOf(host)).map(String))
  const extra = held.experts.filter((expert) => !given.has(String(expert)))
  if (extra.length > 0 && undrained(deps.ledger.engines(), table.epoch, deps.nowMs()).length > 0) return false
  for (const experts of inOrders(extra)) {
    const order = orderOf(deployment, experts)
    deps.ledger.commit(() => undefined)
    const drained = await callHost(deps, host, (control) => control.drain(order))
    if (!drained.ok) return false
    deps.ledger.commit(() => undefined)
    const dropped = await callHost(deps, host, (control) => control.drop(order))
    if (!dropped.ok) return false
  }
  return true
}

function missingCopies({ expertBytes }: Deployment, table: Placement, host: string, { experts }: Inventory): Move[] {
  const index = table.hosts.indexOf(host)
  const held = new Set(experts.map(String))
  return expertsOfHost(table, index)
    .filter(([layer, expert]) => table.base[layer]![expert] !== index && !held.has(String([layer, expert])))
    .map(([layer, expert]) => ({ kind: 'load', layer, expert, host, bytes: expertBytes[layer]![expert]! }))
}

function inOrder(a: Move, b: Move): number {
  return a.layer - b.layer || a.expert - b.expert || (a.host < b.host ? -1 : 1)
}
