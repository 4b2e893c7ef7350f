import { formatTable } from '../table.ts'
import type { LoadReport } from './load-report.ts'
import type { Distribution } from './percentiles.ts'
import type { GroupSummary } from './summary.ts'

/** What `isomoe load` prints at its end: a head, a table, and what a reader must know beside the numbers. */
export function textReport(report: LoadReport): string {
  const { summary, options, target, durationMs } = report
  const { all, throughput } = summary
  const head = [
    `${options.arrivals}, mix ${report.mix.name}, ${seconds(durationMs)} measured after ${options.warmupS} s of warm-up, seed ${options.seed}`,
    `${target.url} ${target.model} (${target.api})`,
    '',
    `output      ${short(throughput.outputTokensPerS)} tokens/s, ${short(throughput.answersPerS)} answers/s`,
    ...(all.goodput && options.slo
      ? [`goodput     ${percent(all.goodput.share)} of requests, ${short(all.goodput.perS)}/s, within ${sloText(options.slo)}`]
      : []),
    `requests    ${countsText(all)}`,
    ...(all.promptTokens > 0 ? [`tokens      ${all.promptTokens} of prompts (${all.cachedTokens} cached), ${all.outputTokens} of output`] : []),
    '',
  ]
  return `${head.join('\n')}\n${formatTable(summaryRows(report))}${notes(report)
    .map((note) => `\n${note}`)
    .join('')}\n`
}

/** The table of all requests, domains and phases: head first. Latencies as p50 / p90 / p99. */
export function summaryRows({ summary, mix }: LoadReport): string[][] {
  const row = (name: string, group: GroupSummary) => [
    name,
    String(group.requests),
    String(group.failed + group.notSent),
    spread(group.ttftMs),
    spread(group.tpotMs),
    spread(group.interTokenMs),
    spread(group.e2eMs),
    ...(group.goodput ? [percent(group.goodput.share)] : []),
  ]
  const domains = Object.entries(summary.byDomain).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const phases = summary.byPhase.map((group, i) => row(`from ${seconds(mix.phases[i]!.fromMs)}`, group))
  return [
    ['p50 / p90 / p99', 'requests', 'failed', 'TTFT ms', 'TPOT ms', 'inter-token ms', 'E2E ms', ...(summary.all.goodput ? ['in SLO'] : [])],
    row('all', summary.all),
    ...(domains.length > 1 ? domains.map(([name, group]) => row(name, group)) : []),
    ...(phases.length > 1 ? phases : []),
  ]
}

/** What changes how the numbers are to be read. Nothing that went wrong is left out. */
export function notes({ summary, interrupted, options, cluster }: LoadReport): string[] {
  const { all, sendLagMs, selfCheck, errors } = summary
  const codes = Object.entries(errors)
  return [
    ...(interrupted ? [`The run was ended early: ${all.interrupted} requests were under way.`] : []),
    ...(codes.length > 0 ? [`Failed: ${codes.map(([code, count]) => `${count} × ${code}`).join(', ')}.`] : []),
    ...(all.notSent > 0 ? [`${all.notSent} requests were not sent: ${options.connectionsMax} were under way when they were due (--connections).`] : []),
    ...(sendLagMs
      ? [
          `Sent after the scheduled time by ${spread(sendLagMs)} ms (p50 / p90 / p99), ${short(sendLagMs.max)} at most; TTFT and E2E count from the scheduled time.`,
        ]
      : []),
    ...(selfCheck.tailMs ? [`E2E − (TTFT + (n − 1) · TPOT) is ${spread(selfCheck.tailMs)} ms: the time from the last output to the end of the stream.`] : []),
    ...(selfCheck.withoutUsage > 0 ? [`${selfCheck.withoutUsage} answers had no usage: their tokens are counted in pieces of the stream.`] : []),
    ...(selfCheck.morePiecesThanTokens > 0 ? [`${selfCheck.morePiecesThanTokens} answers had more pieces than usage says tokens.`] : []),
    ...(selfCheck.fewerPiecesThanTokens > 0
      ? [
          `${selfCheck.fewerPiecesThanTokens} answers had fewer pieces than tokens (several in one, or tokens without text): their inter-token gaps are gaps between pieces.`,
        ]
      : []),
    ...(cluster && cluster.events.length > 0
      ? [`${cluster.events.length} scale events, ${cluster.events.filter(({ event }) => event.state === 'failed').length} of them failed.`]
      : []),
  ]
}

function countsText({ requests, ok, failed, notSent, interrupted }: GroupSummary): string {
  return `${requests} due, ${ok} answered, ${failed} failed, ${notSent} not sent${interrupted > 0 ? `, ${interrupted} interrupted` : ''}`
}

export function sloText(slo: NonNullable<LoadReport['options']['slo']>): string {
  return Object.entries(slo)
    .map(([key, limit]) => `${key.replace('Ms', '')} ≤ ${limit} ms`)
    .join(', ')
}

export function spread(values: Distribution | null): string {
  return values ? `${short(values.p50)} / ${short(values.p90)} / ${short(values.p99)}` : '–'
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

export function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`
}

/** Three significant digits, two decimals at most; whole numbers from 100 on. */
export function short(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(Number(value.toPrecision(3)).toFixed(2)))
}
