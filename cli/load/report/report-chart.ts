import type { LoadReport } from '../load-report.ts'
import type { Chart } from './chart.ts'
import { clusterPanels, loadPanels } from './panels.ts'
import type { Marker } from './panels.ts'

/** The chart of a whole run: client above, cluster below, phases of the mix and scale events through all of them. */
export function reportChart(report: LoadReport): Chart {
  const { series, cluster, options, durationMs } = report
  return {
    panels: [...loadPanels(series, options.slo), ...clusterPanels(cluster)],
    markers: [...phaseMarkers(report), ...scaleMarkers(report)],
    fromS: -options.warmupS,
    toS: durationMs / 1000,
  }
}

function phaseMarkers({ mix, durationMs }: LoadReport): Marker[] {
  return mix.phases
    .filter(({ fromMs }) => fromMs < durationMs)
    .map(({ fromMs, weights }) => {
      const [first, ...others] = Object.entries(weights).toSorted(([, a], [, b]) => b - a)
      return { seconds: fromMs / 1000, label: others.length > 2 ? `${first![0]} …` : first![0], kind: 'phase' }
    })
}

/** Labels of events that lie close to one another would cover each other: the first of each tenth of the run has one. */
function scaleMarkers({ cluster, durationMs, options }: LoadReport): Marker[] {
  const gapMs = (durationMs + options.warmupS * 1000) / 10
  let labelledMs = -Infinity
  const within = (cluster?.events ?? []).filter(({ seenMs }) => seenMs >= -options.warmupS * 1000 && seenMs <= durationMs)
  return within.map(({ event, seenMs }) => {
    const labelled = seenMs - labelledMs >= gapMs
    if (labelled) labelledMs = seenMs
    return { seconds: seenMs / 1000, label: labelled ? `#${event.id} ${event.reason}` : '', kind: 'scale' }
  })
}
