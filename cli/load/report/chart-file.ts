import type { LoadReport } from '../load-report.ts'
import { drawChart } from './chart.ts'
import { reportChart } from './report-chart.ts'

/** The chart of a run as an SVG file. */
export function chartFile(report: LoadReport): string {
  return drawChart(reportChart(report))
}
