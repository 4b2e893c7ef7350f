import type { MetricKey } from '../../../shared/protocol/metric-names.ts'
import type { HostMetrics, MetricsSnapshot } from '../../../shared/protocol/metrics-api.ts'
import { HISTOGRAM_BOUNDS } from '../../../shared/protocol/request-work.ts'
import type { HistogramName } from '../../../shared/protocol/request-work.ts'

export interface Sample {
  readonly value: number
  readonly labels: Readonly<Record<string, string>>
  /** Behind the metric's name: of histograms `_bucket`, `_sum` or `_count`. */
  readonly suffix?: string
}

const MS_PER_S = 1000

/** The samples of every metric. Times are seconds, as Prometheus wants them. */
export function metricValues(snapshot: MetricsSnapshot): Record<MetricKey, Sample[]> {
  const { requests, engines, hosts, layers, scale } = snapshot
  const sumOf = (gauge: 'running' | 'waiting' | 'kvPagesUsed' | 'kvPagesTotal') => engines.reduce((sum, engine) => sum + engine[gauge], 0)
  const times = (name: HistogramName) => histogramSamples(snapshot, name, MS_PER_S)
  const tokens = (name: HistogramName) => histogramSamples(snapshot, name, 1)
  const byHost = (value: (host: HostMetrics) => number | null | undefined) =>
    hosts.flatMap((host): Sample[] => {
      const known = value(host)
      return known === null || known === undefined ? [] : [{ value: known, labels: { host: host.host } }]
    })
  const phases = Object.entries(scale.phases)
  return {
    running: one(sumOf('running')),
    waiting: one(sumOf('waiting')),
    kvUsage: one(sumOf('kvPagesUsed') / Math.max(1, sumOf('kvPagesTotal'))),
    requests: one(requests.requests),
    refused: one(requests.refused),
    finished: labelled('finished_reason', requests.finished),
    promptTokens: one(requests.promptTokens),
    generationTokens: one(requests.generationTokens),
    prefixQueries: one(requests.prefixQueries),
    prefixHits: one(requests.prefixHits),
    preemptions: one(requests.preemptions),
    timeToFirstTokenMs: times('timeToFirstTokenMs'),
    interTokenLatencyMs: times('interTokenLatencyMs'),
    queueTimeMs: times('queueTimeMs'),
    prefillTimeMs: times('prefillTimeMs'),
    decodeTimeMs: times('decodeTimeMs'),
    e2eLatencyMs: times('e2eLatencyMs'),
    requestPromptTokens: tokens('promptTokens'),
    requestGenerationTokens: tokens('generationTokens'),
    steps: one(snapshot.steps),
    stepSeconds: one(snapshot.stepSumMs / MS_PER_S),
    epoch: one(snapshot.epoch),
    hosts: labelled('state', {
      warm: hosts.filter(({ state }) => state === 'warm').length,
      standby: hosts.filter(({ state }) => state === 'standby').length,
      lost: hosts.filter(({ state }) => state === 'lost').length,
    }),
    layerReplicas: layers.map(({ layer, replicas }) => ({ value: replicas, labels: { layer: String(layer) } })),
    layerPairs: layers.map(({ layer, pairs }) => ({ value: pairs, labels: { layer: String(layer) } })),
    hostCalls: byHost(({ served }) => served.calls),
    hostPairs: byHost(({ served }) => served.pairs),
    hostCallSeconds: byHost(({ served }) => served.rttSumMs / MS_PER_S),
    hostHedged: byHost(({ served }) => served.hedged),
    hostFaults: hosts.flatMap(({ host, served }) => Object.entries(served.faults).map(([code, value]) => ({ value, labels: { host, code } }))),
    hostLoads: byHost(({ work }) => work?.loads),
    hostDrops: byHost(({ work }) => work?.drops),
    hostStorageBytes: byHost(({ work }) => work?.storageBytes),
    hostPeerBytes: byHost(({ work }) => work?.peerBytes),
    hostIsolates: byHost(({ isolates }) => isolates),
    hostResidentBytes: byHost(({ report }) => report?.residentBytes),
    hostResidentExperts: byHost(({ report }) => report?.residentExperts),
    hostArenaBytes: byHost(({ report }) => report?.arenaBytes),
    hostPeakBytes: byHost(({ report }) => report?.peakBytes),
    hostQueuedFrames: byHost(({ report }) => report?.queuedFrames),
    scaleEvents: Object.entries(scale.events).flatMap(([reason, states]) =>
      Object.entries(states).map(([state, value]) => ({ value, labels: { reason, state } })),
    ),
    scaleMoves: labelled('kind', scale.moves),
    scalePhases: phases.map(([phase, { count }]) => ({ value: count, labels: { phase } })),
    scalePhaseSeconds: phases.map(([phase, { sumMs }]) => ({ value: sumMs / MS_PER_S, labels: { phase } })),
    scalePhaseBytes: phases.map(([phase, { bytes }]) => ({ value: bytes, labels: { phase } })),
  }
}

function one(value: number): Sample[] {
  return [{ value, labels: {} }]
}

function labelled(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ value, labels: { [label]: name } }))
}

/** Buckets are cumulative; the last has no bound and is the count. @param per what the unit of the bounds is divided by. */
function histogramSamples({ requests }: MetricsSnapshot, name: HistogramName, per: number): Sample[] {
  const { counts, sum } = requests.histograms[name]
  let below = 0
  const buckets = counts.map((count, bucket): Sample => {
    const bound = HISTOGRAM_BOUNDS[name][bucket]
    below += count
    return { value: below, labels: { le: bound === undefined ? '+Inf' : String(bound / per) }, suffix: '_bucket' }
  })
  return [...buckets, { value: sum / per, labels: {}, suffix: '_sum' }, { value: below, labels: {}, suffix: '_count' }]
}
