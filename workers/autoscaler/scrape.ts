import type { MetricsSnapshot } from '../../shared/protocol/metrics-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { AutoscalerDeps } from './autoscaler-core.ts'
import { NO_SERVED, countEvents } from './counters.ts'
import { liveEngines } from './engine-records.ts'
import { callHost, inParallel } from './host-calls.ts'
import { hostState, putRecord, recordOf } from './host-records.ts'
import { countUsage } from './host-usage.ts'
import type { Ledger } from './ledger.ts'

/** A host that engines called so lately is awake: asking it wakes nobody. The platform keeps an idle object for 70 s at least. */
const AWAKE_MS = 60_000
/** A scrape does not wait longer for a host; what it said last stands. */
const ASK_MS = 2000

/**
 * Brings the hosts' own counters up to date and gives all sums. Only hosts that worked since they were heard last are asked, and no engine:
 * a scrape wakes nobody, so that watching a cluster that sleeps costs nothing. SPEC MT3.
 */
export async function scrape(deps: AutoscalerDeps, ledger: Ledger, model: string): Promise<MetricsSnapshot> {
  await inParallel(hostsToHear(ledger, model, deps.nowMs()), LIMITS.controlCallsMax, async (host) => {
    const answer = await callHost(deps, host, (control) => control.inventory(), ASK_MS)
    if (!answer.ok) return // its engines say so, and the control loop looks after it
    const { report } = answer.value
    ledger.commit(() => {
      const usage = countUsage(recordOf(ledger.hosts(), host).usage, report, deps.nowMs())
      ledger.store.write('hosts', putRecord(ledger.hosts(), host, { usage, heard: report }))
    })
  })
  return snapshot(ledger, model, deps.nowMs())
}

/** Those that were heard the longest time ago come first. */
function hostsToHear(ledger: Ledger, model: string, nowMs: number): string[] {
  const served = ledger.counters(model).hosts
  const records = ledger.hosts()
  const heardMs = (host: string) => recordOf(records, host).usage?.askedMs ?? 0
  const isDue = (host: string) => {
    const calledMs = served[host]?.calledMs ?? 0
    return !recordOf(records, host).lost && calledMs >= heardMs(host) && calledMs > nowMs - AWAKE_MS
  }
  const due = ledger.table().hosts.filter(isDue)
  return due.toSorted((a, b) => heardMs(a) - heardMs(b)).slice(0, LIMITS.scrapeHostsMax)
}

function snapshot(ledger: Ledger, model: string, nowMs: number): MetricsSnapshot {
  const counters = ledger.counters(model)
  const table = ledger.table()
  const records = ledger.hosts()
  return {
    model,
    epoch: table.epoch,
    requests: counters.requests,
    steps: counters.steps,
    stepSumMs: counters.stepSumMs,
    engines: Object.entries(liveEngines(ledger.engines(), nowMs)).flatMap(([engine, { gauges }]) => (gauges ? [{ engine, ...gauges }] : [])),
    layers: table.layers.flatMap((experts, layer) => {
      const replicas = experts.reduce((sum, hosts) => sum + hosts.length, 0)
      return experts.length === 0 ? [] : [{ layer, pairs: counters.layerPairs[layer] ?? 0, replicas }]
    }),
    hosts: table.hosts.map((host, index) => {
      const { usage, heard, report } = recordOf(records, host)
      const { calledMs: _, ...served } = counters.hosts[host] ?? NO_SERVED
      return { host, state: hostState(records, table, index), served, work: usage?.sums ?? null, isolates: usage?.isolates ?? 0, report: heard ?? report }
    }),
    scale: countEvents(counters, ledger.store.events(counters.eventId + 1)).scale,
  }
}
