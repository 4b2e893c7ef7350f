import type { Move } from '../../shared/placement/plan.ts'
import { PROTOCOL_VERSION } from '../../shared/protocol/host-api.ts'
import type { ExpertOrder, ExpertRef, LoadReport } from '../../shared/protocol/host-api.ts'
import { moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Deployment } from './base-table.ts'
import { chooseSource, recordCopy } from './choose-source.ts'
import type { WeightSource } from './choose-source.ts'
import { CALL_MS, inParallel, release } from './host-calls.ts'
import { answered, recordOf } from './host-records.ts'
import { addBytes } from './running-event.ts'
import type { RunningEvent } from './running-event.ts'
import type { EventWork } from './scale-driver.ts'

/** Experts that one host gets from one place. */
interface Copy {
  readonly host: string
  /** A warm host that has them all; null: storage. */
  readonly peer: string | null
  readonly experts: readonly ExpertRef[]
}

/** Loads what the plan gives to hosts, few copies at a time. An expert that cannot be had leaves the plan alone. SPEC EL6. */
export async function copyToHosts(work: EventWork, { event }: RunningEvent): Promise<void> {
  const loads = event.moves.filter((move) => move.kind === 'load')
  // A host takes one copy after the other: its reads are bounded anyway, and so is what it holds of them in memory.
  await inParallel(Array.from(new Set(loads.map((move) => move.host))), LIMITS.copyHostsMax, async (host) => {
    const mine = loads.filter((move) => move.host === host)
    for (const copy of copiesOf(work, host, mine)) await loadCopy(work, copy)
  })
}

/** One copy for all that comes from storage, one for each peer that others come from: an order costs as much as several experts. */
function copiesOf({ deps: { ledger } }: EventWork, host: string, moves: readonly Move[]): Copy[] {
  const table = ledger.table()
  const records = ledger.hosts()
  const fromPeers = chooseSource(ledger.sources(), ledger.policy().source, true) === 'peer'
  const copies = new Map<string | null, ExpertRef[]>()
  for (const { layer, expert } of moves) {
    const holders = table.layers[layer]![expert]!.map((index) => table.hosts[index]!)
    const peer = fromPeers ? (holders.find((holder) => holder !== host && !recordOf(records, holder).lost) ?? null) : null
    const experts = copies.get(peer) ?? []
    experts.push([layer, expert])
    copies.set(peer, experts)
  }
  return Array.from(copies).flatMap(([peer, experts]) => inOrders(experts).map((part) => ({ host, peer, experts: part })))
}

async function loadCopy(work: EventWork, { host, peer, experts }: Copy): Promise<void> {
  const { nowMs } = work.deps
  const order = orderOf(work.deployment, experts)
  const source = peer === null ? null : await work.call(peer, (control) => control.source(order))
  const from = source?.ok ? source.value : null // a peer that cannot give is no fault: storage can
  const startMs = nowMs()
  const loaded = await work.call(host, (control) => control.load(order, from), CALL_MS.copy).finally(() => release(source))
  noteLoad(work, host, from ? 'peer' : 'storage', nowMs() - startMs, loaded)
  if (!loaded.ok) {
    abandonExperts(work, host, experts, loaded.error)
    work.suspect(host) // what was late may still arrive
  }
}

function noteLoad(work: EventWork, host: string, source: WeightSource, ms: number, loaded: Result<LoadReport, MoeError>): void {
  if (!loaded.ok) return
  const { ledger, nowMs } = work.deps
  const { bytes, report, failed } = loaded.value
  ledger.commit(() => {
    const { store } = ledger
    store.write('sources', recordCopy(ledger.sources(), source, bytes, ms))
    store.write('hosts', answered(ledger.hosts(), report, host, nowMs() + ledger.policy().leaseMs, nowMs()))
    ledger.update((running) => addBytes(running, bytes))
  })
  abandonFailed(work, host, failed)
}

/** A real forward of each new copy: wrong bytes are never published. */
export async function probeHosts(work: EventWork, { event }: RunningEvent): Promise<void> {
  await inParallel(byHost(event.moves.filter((move) => move.kind === 'load')), LIMITS.controlCallsMax, async ([host, experts]) => {
    const probed = await work.call(host, (control) => control.probe(orderOf(work.deployment, experts)))
    if (!probed.ok) {
      abandonExperts(work, host, experts, probed.error)
      return work.suspect(host)
    }
    abandonFailed(work, host, probed.value.failed)
    const passed = new Set(probed.value.passed.map(String))
    const unnamed = experts.filter((expert) => !passed.has(String(expert)))
    if (unnamed.length > 0) abandonExperts(work, host, unnamed, moeError('host-unavailable', `${host} did not say that a copy passed`, { host }))
  })
}

/** Frees experts, after the frames under way that use them. A host that cannot be reached is asked later what it still holds. */
export async function dropFromHosts(work: EventWork, drops: readonly Move[]): Promise<void> {
  const { ledger, nowMs } = work.deps
  ledger.commit(() => ledger.update((running) => addBytes(running, -running.event.phases.at(-1)!.bytes))) // begun again: all is freed, and counted, again
  await inParallel(byHost(drops), LIMITS.controlCallsMax, async ([host, experts]) => {
    const order = orderOf(work.deployment, experts)
    const drained = await work.call(host, (control) => control.drain(order))
    const dropped = drained.ok ? await work.call(host, (control) => control.drop(order)) : drained
    if (!dropped.ok) return work.suspect(host)
    const bytes = experts.reduce((sum, [layer, expert]) => sum + work.deployment.expertBytes[layer]![expert]!, 0)
    ledger.commit(() => {
      ledger.store.write('hosts', answered(ledger.hosts(), dropped.value, host, nowMs() + ledger.policy().leaseMs, nowMs()))
      ledger.update((running) => addBytes(running, bytes))
    })
  })
}

function abandonFailed(work: EventWork, host: string, failed: LoadReport['failed']): void {
  for (const { expert, error } of failed) abandonExperts(work, host, [expert], error)
}

function abandonExperts(work: EventWork, host: string, experts: readonly ExpertRef[], error: MoeError): void {
  const names = new Set(experts.map(String))
  work.abandon((move) => move.host === host && names.has(String([move.layer, move.expert])), error)
}

/** What each host is told, in as many orders as it takes. */
function byHost(moves: readonly Move[]): [host: string, experts: readonly ExpertRef[]][] {
  const hosts = new Map<string, ExpertRef[]>()
  for (const { host, layer, expert } of moves) {
    const experts = hosts.get(host) ?? []
    experts.push([layer, expert])
    hosts.set(host, experts)
  }
  return Array.from(hosts).flatMap(([host, experts]) => inOrders(experts).map((part): [string, readonly ExpertRef[]] => [host, part]))
}

/** Parts that one order may name. */
export function inOrders(experts: readonly ExpertRef[]): (readonly ExpertRef[])[] {
  const count = Math.ceil(experts.length / LIMITS.orderExpertsMax)
  return Array.from({ length: count }, (_, i) => experts.slice(i * LIMITS.orderExpertsMax, (i + 1) * LIMITS.orderExpertsMax))
}

export function orderOf({ digest, tier }: Deployment, experts: readonly ExpertRef[]): ExpertOrder {
  return { protocolVersion: PROTOCOL_VERSION, digest, tier, experts }
}
