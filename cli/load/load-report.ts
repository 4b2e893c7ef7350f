import type { ClusterView } from './cluster-view.ts'
import type { RequestRecord } from './request-record.ts'
import type { LoadSeries } from './series.ts'
import type { Slo } from './slo.ts'
import type { LoadSummary } from './summary.ts'

/** Raised when a field of the JSON goes or changes its meaning; new fields do not raise it. SPEC LT8. */
export const REPORT_SCHEMA = 'isomoe.load/1'

/** `--json`. All times in ms; those on the time axis are from the beginning of the measured time. */
export interface LoadReport {
  readonly schema: typeof REPORT_SCHEMA
  readonly startedAt: string
  readonly isomoe: string
  readonly target: { readonly url: string; readonly model: string; readonly api: string }
  readonly options: ReportOptions
  readonly durationMs: number
  /** The run was ended before its time: the numbers are those until then. */
  readonly interrupted: boolean
  readonly mix: { readonly name: string; readonly phases: readonly { readonly fromMs: number; readonly weights: Readonly<Record<string, number>> }[] }
  readonly summary: LoadSummary
  readonly series: LoadSeries
  /** Null where the server shows no cluster. */
  readonly cluster: ClusterView | null
  /** With --requests. */
  readonly requests?: readonly RequestRecord[]
}

/** What was asked for, as far as it changes numbers. Never the key. */
export interface ReportOptions {
  readonly arrivals: string
  readonly openLoop: boolean
  readonly rateScale: number
  readonly durationS: number
  readonly warmupS: number
  readonly seed: number
  readonly maxTokens: number
  readonly promptTokens: number | null
  readonly maxPromptTokens: number
  readonly temperature: number
  readonly ignoreEos: boolean
  readonly connectionsMax: number
  readonly timeoutS: number
  readonly slo: Slo | null
}
