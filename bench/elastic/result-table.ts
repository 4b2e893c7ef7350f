import type { GroupSummary } from '../../cli/load/summary.ts'
import { summarize } from '../figures.ts'
import type { ElasticRuns } from './elastic.ts'
import type { TrialMeasures } from './measure.ts'
import { peakBytes } from './measure.ts'
import type { Trial } from './trial.ts'
import { busiestPairs, busiestPairsEvenly } from './whole-host.ts'

const HEAD = [
  'strategy',
  'runs',
  'in force after (ms)',
  'phases (ms)',
  'copies',
  'moved (MiB)',
  'tokens/s before / during / after',
  'TTFT p50/p99 before → after (ms)',
  'TPOT p50/p99 before → after (ms)',
  'SLO before / during / after',
  'failed',
  'altered',
  'balance before → after',
  'peak (MiB)',
]

/** The results by strategy as Markdown, medians over runs. */
export function resultTable(runs: ElasticRuns, measures: ReadonlyMap<string, readonly TrialMeasures[]>): string {
  const rows = Array.from(measures, ([name, list]) => row(name, list, runs.trials.get(name)!))
  return [HEAD, HEAD.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

function row(name: string, list: readonly TrialMeasures[], trials: readonly Trial[]): string[] {
  const median = (value: (each: TrialMeasures) => number | null) => {
    const values = list.map(value).filter((each) => each !== null)
    return values.length === 0 ? null : summarize(values).median
  }
  const number = (value: (each: TrialMeasures) => number | null, digits = 0) => median(value)?.toFixed(digits) ?? '–'
  const latency = (key: 'ttftMs' | 'tpotMs') => {
    const of = (group: 'before' | 'after', percentile: 'p50' | 'p99') => number((each) => each[group]?.[key]?.[percentile] ?? null)
    const after = list[0]!.after === null ? '' : ` → ${of('after', 'p50')}/${of('after', 'p99')}`
    return `${of('before', 'p50')}/${of('before', 'p99')}${after}`
  }
  const share = (of: (each: TrialMeasures) => GroupSummary | null) => {
    const value = median((each) => of(each)?.goodput?.share ?? null)
    return value === null ? '–' : `${Math.round(value * 100)} %`
  }
  const sum = (value: (each: TrialMeasures) => number) => String(list.reduce((total, each) => total + value(each), 0))
  const peaks = trials.flatMap((trial) => (trial.event ? [(peakBytes(trial).peak + peakBytes(trial).engine) / 2 ** 20] : []))
  return [
    name,
    String(list.length),
    number(({ latencyMs }) => latencyMs),
    phases(trials),
    number(({ copies }) => copies),
    number(({ bytesMoved }) => (bytesMoved === null ? null : bytesMoved / 2 ** 20), 2),
    `${number(({ tokensPerS }) => tokensPerS.before)} / ${number(({ tokensPerS }) => tokensPerS.during)} / ${number(({ tokensPerS }) => tokensPerS.after)}`,
    latency('ttftMs'),
    latency('tpotMs'),
    `${share(({ before }) => before)} / ${share(({ during }) => during)} / ${share(({ after }) => after)}`,
    sum(({ failed }) => failed),
    `${sum(({ altered }) => altered)} of ${sum(({ compared }) => compared)}`,
    balance(trials),
    peaks.length === 0 ? '–' : summarize(peaks).median.toFixed(1),
  ]
}

/** plan, wake, copy, probe, publish, drain, drop. */
function phases(trials: readonly Trial[]): string {
  const names = trials[0]!.event?.phases.map(({ phase }) => phase) ?? []
  const ms = (phase: string) =>
    summarize(
      trials.flatMap(({ event }) => event?.phases.flatMap((each) => (each.phase === phase && each.endMs !== null ? [each.endMs - each.startMs] : [])) ?? []),
    ).median
  return names.length === 0 ? '–' : names.map((phase) => `${phase} ${Math.round(ms(phase))}`).join(', ')
}

/**
 * The busiest hosts' work, of the load when the command came, over that of the base hosts if it were even: by the LP bound, which the splitter reaches, and by even shares.
 */
function balance(trials: readonly Trial[]): string {
  const values = trials.map(({ before, after }) => {
    const { load, placement } = before.autoscaler
    const mean = load.flat().reduce((a, b) => a + b, 0) / 4
    return [
      busiestPairs(placement, load) / mean,
      busiestPairs(after.autoscaler.placement, load) / mean,
      busiestPairsEvenly(after.autoscaler.placement, load) / mean,
    ] as const
  })
  const [before, bound, even] = [0, 1, 2].map((i) => summarize(values.map((each) => each[i]!)).median.toFixed(2))
  return `${before} → ${bound} (even split ${even})`
}
