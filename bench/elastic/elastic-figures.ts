import { RATIO, ratios } from '../figures.ts'
import type { Figure, Outcome } from '../figures.ts'
import type { AutomaticRun } from './automatic.ts'
import type { ElasticRuns } from './elastic.ts'
import type { KillRuns } from './kills.ts'
import { measureTrial, peakBytes } from './measure.ts'
import type { TrialMeasures } from './measure.ts'
import { SLO } from './settings.ts'

export interface ElasticResults {
  readonly runs: ElasticRuns
  readonly measures: ReadonlyMap<string, readonly TrialMeasures[]>
  readonly automatic: AutomaticRun
  readonly kills: KillRuns
}

/** The figures that people compare runs by. Those of the cold restart's requests are in the table: it fails some, and is not ours. */
export function elasticFigures({ runs, measures, automatic, kills }: ElasticResults): Outcome[] {
  const ours = measures.get('expert-granular')!
  const replica = measures.get('whole-host replica')!
  const cold = measures.get('cold restart')!
  const auto = measureTrial(automatic.trial, runs.reference, SLO)
  const fixed = measures.get('static')!
  const disturbed = Array.from(measures).flatMap(([name, list]) => (name === 'static' || name === 'cold restart' ? [] : list))
  const counted = [...disturbed, auto, kills.hosts, kills.engine]
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
  const latency = (list: readonly TrialMeasures[]) => list.map(({ latencyMs }) => latencyMs!)
  const peaks = runs.trials.get('expert-granular')!.map(peakBytes)
  const compared = sum(counted.map((each) => each.compared))
  return [
    figure('failed', 'requests', [sum(counted.map(({ failed }) => failed))], `${counted.length} runs: commands, ablations, automatic policy, kills`),
    figure('altered', 'outputs', [sum(counted.map(({ altered }) => altered))], `of ${compared} compared with undisturbed runs, token by token`),
    figure('dip', RATIO, ours.map(dipOf), 'from the command until it was in force, against the 2 s before'),
    figure('dip_replica', RATIO, replica.map(dipOf)),
    figure('dip_cold', RATIO, cold.map(dipOf)),
    figure(
      'bytes_over_replica',
      RATIO,
      ratios(
        ours.map(({ bytesMoved }) => bytesMoved!),
        replica.map(({ bytesMoved }) => bytesMoved!),
      ),
    ),
    figure('latency_ms', 'ms', latency(ours), 'command to in force'),
    figure('latency_ms_replica', 'ms', latency(replica)),
    figure('latency_ms_cold', 'ms', latency(cold), 'command to the first answer'),
    figure('latency_over_replica', RATIO, ratios(latency(ours), latency(replica))),
    figure('latency_over_cold', RATIO, ratios(latency(ours), latency(cold))),
    figure(
      'peak_over_steady',
      RATIO,
      peaks.map(({ peak, steady, engine }) => (peak + engine) / (steady + engine)),
      'engine and hosts',
    ),
    figure(
      'peak_over_steady_hosts',
      RATIO,
      peaks.map(({ peak, steady }) => peak / steady),
      'hosts alone',
    ),
    figure('back_to_base', RATIO, [automatic.endBytes / automatic.baseBytes], `after ${automatic.eventCount} scale events`),
    figure(
      'slo_gain',
      'share',
      fixed.map(({ all }) => auto.all.goodput!.share - all.goodput!.share),
      `one automatic run, ${percent(auto)}, less each static one`,
    ),
    figure(
      'slo_gain_after',
      'share',
      ours.map(({ after }, round) => after!.goodput!.share - fixed[round]!.before.goodput!.share),
      'commanded, after it was in force, against the static run between shift and command',
    ),
    figure(
      'kill_gap',
      RATIO,
      [kills.hosts.gapMs / (kills.reloadMs + kills.deadlineMs)],
      `${Math.round(kills.hosts.gapMs)} ms; reload ${Math.round(kills.reloadMs)} ms, deadline ${kills.deadlineMs} ms`,
    ),
    figure('kill_gap_engine_ms', 'ms', [kills.engine.gapMs], 'engine killed: extra time to the next token'),
  ]
}

function figure(id: string, unit: string, samples: readonly number[], note?: string): Figure {
  return { id: `elastic.${id}`, unit, samples, ...(note === undefined ? {} : { note }) }
}

function dipOf({ tokensPerS: { before, during } }: TrialMeasures): number {
  return 1 - during! / before
}

function percent({ all }: TrialMeasures): string {
  return `${Math.round(100 * all.goodput!.share)} %`
}
