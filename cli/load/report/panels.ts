import type { ClusterView } from '../cluster-view.ts'
import type { LoadSeries, Quantiles } from '../series.ts'
import type { Slo } from '../slo.ts'

/** One of the charts that stand above each other over one time axis. Independent of the library that draws it. */
export interface Panel {
  readonly title: string
  readonly unit: string
  readonly lines: readonly PanelLine[]
  /** A horizontal line: what the SLO asks. */
  readonly limit: number | null
}

export interface PanelLine {
  readonly name: string
  /** Constant: `after` a point until the next (a bin, a state), `before` it from the last (a rate between two looks). Null: straight lines. */
  readonly step: 'after' | 'before' | null
  /** Seconds of the measured time, value; null is a gap. */
  readonly points: readonly (readonly [seconds: number, value: number | null])[]
  /** `bad`: failures; the others take the palette in order. */
  readonly tone: 'plain' | 'bad'
}

/** A vertical line through all panels. */
export interface Marker {
  readonly seconds: number
  readonly label: string
  readonly kind: 'phase' | 'scale'
}

/** More hosts than this are shown as the busiest, the mean and the idlest of each sample: nobody reads twenty lines. */
const HOST_LINES_MAX = 8

/** Panels of the client's side. */
export function loadPanels({ fromMs, binMs, bins }: LoadSeries, slo: Slo | null): Panel[] {
  const at = (i: number) => (fromMs + i * binMs) / 1000
  const endS = at(bins.length)
  const steps = (name: string, values: readonly number[], tone: PanelLine['tone'] = 'plain'): PanelLine => ({
    name,
    step: 'after',
    tone,
    points: [...values.map((value, i) => [at(i), value] as const), [endS, values.at(-1) ?? null]],
  })
  const quantileLines = (of: (bin: LoadSeries['bins'][number]) => Quantiles | null): PanelLine[] =>
    (['p50', 'p90', 'p99'] as const).map((key) => ({
      name: key,
      step: null,
      tone: 'plain' as const,
      points: bins.map((bin, i) => [at(i) + binMs / 2000, of(bin)?.[key] ?? null]),
    }))
  const failed = bins.map((bin) => bin.failedPerS)
  return [
    {
      title: 'Requests',
      unit: '1/s',
      limit: null,
      lines: [
        steps(
          'due',
          bins.map((bin) => bin.duePerS),
        ),
        steps(
          'answered',
          bins.map((bin) => bin.answeredPerS),
        ),
        ...(failed.some((value) => value > 0) ? [steps('failed', failed, 'bad')] : []),
      ],
    },
    {
      title: 'Output',
      unit: 'tokens/s',
      limit: null,
      lines: [
        steps(
          'output tokens',
          bins.map((bin) => bin.outputTokensPerS),
        ),
      ],
    },
    { title: 'Time to first token', unit: 'ms', limit: slo?.ttftMs ?? null, lines: quantileLines((bin) => bin.ttftMs) },
    { title: 'Time per output token', unit: 'ms', limit: slo?.tpotMs ?? null, lines: quantileLines((bin) => bin.tpotMs) },
  ]
}

/** Panels of the server's side, as far as it showed them. */
export function clusterPanels(view: ClusterView | null): Panel[] {
  if (view === null || view.samples.length < 2) return []
  const pairs = hostLines(view, 'before', pairRate)
  const bytes = hostLines(view, 'after', (host) => host.residentBytes / 2 ** 20)
  const extra = view.samples.map(({ atMs, extraCopies }) => [atMs / 1000, extraCopies] as const)
  const warm = view.samples.map(({ atMs, hosts }) => [atMs / 1000, hosts.filter(({ residentBytes }) => residentBytes > 0).length] as const)
  return [
    ...(hasValues(pairs) ? [{ title: 'Work by host', unit: 'token-expert pairs/s', limit: null, lines: pairs }] : []),
    { title: 'Expert weights by host', unit: 'MiB', limit: null, lines: bytes },
    {
      title: 'Replicas and hosts',
      unit: 'count',
      limit: null,
      lines: [
        ...(extra.some(([, value]) => value !== null) ? [{ name: 'extra copies', step: 'after' as const, tone: 'plain' as const, points: extra }] : []),
        { name: 'hosts in use', step: 'after', tone: 'plain', points: warm },
      ],
    },
  ]
}

type HostSample = ClusterView['samples'][number]['hosts'][number]

/** Pairs a second since the sample before; null over a reset of the engine, whose counters begin anew. */
function pairRate(now: HostSample, before: HostSample | undefined, seconds: number): number | null {
  if (before === undefined || now.pairs === null || before.pairs === null || now.pairs < before.pairs) return null
  return (now.pairs - before.pairs) / seconds
}

function hostLines(
  { samples }: ClusterView,
  step: PanelLine['step'],
  valueOf: (now: HostSample, before: HostSample | undefined, seconds: number) => number | null,
): PanelLine[] {
  const names = Array.from(new Set(samples.flatMap(({ hosts }) => hosts.map(({ host }) => host)))).toSorted()
  const table = samples.map(({ atMs, hosts }, i) => {
    const before = samples[i - 1]
    const seconds = before ? (atMs - before.atMs) / 1000 : 0
    return names.map((name) => {
      const now = hosts.find(({ host }) => host === name)
      return now
        ? valueOf(
            now,
            before?.hosts.find(({ host }) => host === name),
            seconds,
          )
        : null
    })
  })
  const line = (name: string, value: (row: readonly (number | null)[]) => number | null): PanelLine => ({
    name,
    step,
    tone: 'plain',
    points: samples.map(({ atMs }, i) => [atMs / 1000, value(table[i]!)]),
  })
  if (names.length <= HOST_LINES_MAX) return names.map((name, h) => line(name, (row) => row[h]!))
  const known = (of: (values: number[]) => number) => (row: readonly (number | null)[]) => {
    const values = row.filter((value) => value !== null)
    return values.length === 0 ? null : of(values)
  }
  return [
    line(
      'busiest',
      known((values) => Math.max(...values)),
    ),
    line(
      `mean of ${names.length} hosts`,
      known((values) => values.reduce((a, b) => a + b, 0) / values.length),
    ),
    line(
      'idlest',
      known((values) => Math.min(...values)),
    ),
  ]
}

function hasValues(lines: readonly PanelLine[]): boolean {
  return lines.some(({ points }) => points.some(([, value]) => value !== null))
}
