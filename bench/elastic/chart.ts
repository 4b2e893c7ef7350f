import { drawChart } from '../../cli/load/report/chart.ts'
import type { Panel, PanelLine } from '../../cli/load/report/panels.ts'
import { loadSeries } from '../../cli/load/series.ts'
import type { LoadBin } from '../../cli/load/series.ts'
import type { ElasticRuns } from './elastic.ts'
import { SLO } from './settings.ts'
import type { Trial } from './trial.ts'

/** The first run of the compared strategies, one line each, over one time axis. */
const DRAWN = ['static', 'expert-granular', 'whole-host replica', 'cold restart'] as const

export function elasticChart({ trials }: ElasticRuns): string {
  const drawn = DRAWN.map((name) => trials.get(name)![0]!)
  const { times, commandMs, effectiveMs } = drawn[1]!
  return drawChart({
    panels: [
      panel('Output', 'tokens/s', null, drawn, (bin) => bin.outputTokensPerS),
      panel('Time per output token, p50', 'ms', SLO.tpotMs ?? null, drawn, (bin) => bin.tpotMs?.p50 ?? null),
      panel('Time to first token, p99', 'ms', SLO.ttftMs ?? null, drawn, (bin) => bin.ttftMs?.p99 ?? null),
      { title: 'Extra copies of experts', unit: 'count', limit: null, lines: drawn.map(copiesLine) },
    ],
    markers: [
      { seconds: times.shiftMs / 1000, label: 'German', kind: 'phase' },
      { seconds: commandMs / 1000, label: `command; ours in force after ${Math.round(effectiveMs! - commandMs)} ms`, kind: 'scale' },
    ],
    fromS: 0,
    toS: times.durationMs / 1000,
  })
}

function panel(title: string, unit: string, limit: number | null, trials: readonly Trial[], value: (bin: LoadBin) => number | null): Panel {
  return { title, unit, limit, lines: trials.map((trial) => binLine(trial, value)) }
}

function binLine({ name, run, times }: Trial, value: (bin: LoadBin) => number | null): PanelLine {
  const { fromMs, binMs, bins } = loadSeries(run.records, 0, times.durationMs)
  return { name, step: null, tone: 'plain', points: bins.map((bin, i) => [(fromMs + (i + 0.5) * binMs) / 1000, value(bin)]) }
}

function copiesLine({ name, run }: Trial): PanelLine {
  const samples = run.cluster?.samples ?? []
  return { name, step: 'after', tone: 'plain', points: samples.map(({ atMs, extraCopies }) => [atMs / 1000, extraCopies]) }
}
