import type { LoadCommandOptions } from './run-command.ts'
import { REPORT_SCHEMA } from './load-report.ts'
import type { LoadReport } from './load-report.ts'
import type { MixPhase } from './mix.ts'
import { arrivalsText } from './options.ts'
import type { LoadPlan, LoadRun } from './run-load.ts'
import type { Target } from './send-request.ts'
import { loadSeries } from './series.ts'
import { summarizeLoad } from './summary.ts'

export interface ReportParts {
  readonly startedAt: string
  readonly version: string
  readonly options: LoadCommandOptions
  readonly plan: LoadPlan
  readonly target: Target
  readonly run: LoadRun
}

/** The whole report of a run. */
export function buildReport({ startedAt, version, options, plan, target, run }: ReportParts): LoadReport {
  const slo = options.slo ?? null
  return {
    schema: REPORT_SCHEMA,
    startedAt,
    isomoe: version,
    target: { url: withoutPassword(target.url), model: target.model, api: target.api },
    options: {
      arrivals: arrivalsText(options.arrivals),
      openLoop: options.arrivals.kind !== 'closed',
      rateScale: options.rateScale,
      durationS: options.duration,
      warmupS: options.warmup,
      seed: options.seed,
      maxTokens: options.maxTokens,
      promptTokens: options.promptTokens ?? null,
      maxPromptTokens: options.maxPromptTokens,
      temperature: options.temperature,
      ignoreEos: target.ignoreEos,
      connectionsMax: options.connections,
      timeoutS: options.timeout,
      slo,
    },
    durationMs: run.durationMs,
    interrupted: run.interrupted,
    mix: { name: plan.mix.name, phases: plan.mix.phases.map((phase) => ({ fromMs: phase.fromMs, weights: weightsOf(phase) })) },
    summary: summarizeLoad(run.records, run.durationMs, plan.mix.phases.length, slo),
    series: loadSeries(run.records, plan.warmupMs, run.durationMs),
    cluster: run.cluster,
    ...(options.requests && { requests: run.records }),
  }
}

/** Shares that add up to 1. */
function weightsOf({ shares }: MixPhase): Record<string, number> {
  return Object.fromEntries(shares.map(({ domain, upTo }, i) => [domain, upTo - (shares[i - 1]?.upTo ?? 0)]))
}

function withoutPassword(text: string): string {
  const url = new URL(text)
  url.username = ''
  url.password = ''
  return url.href
}
