import { html, raw } from 'hono/html'
import { formatBytes } from '../../table.ts'
import type { SeenEvent } from '../cluster-view.ts'
import type { LoadReport } from '../load-report.ts'
import { notes, percent, seconds, short, sloText, summaryRows } from '../text-report.ts'
import { chartFile } from './chart-file.ts'
import { themeCss } from './theme.ts'

const CSS = `${themeCss(':root')}
body{background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.3rem 0}.faint,footer{color:var(--faint)}
.facts{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;margin:1.2rem 0}.facts div{font-size:.85rem;color:var(--faint)}.facts b{display:block;font-size:1.5rem;color:var(--ink);font-weight:600}
svg{width:100%;height:auto}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{padding:.25rem .8rem .25rem 0;text-align:right;border-bottom:1px solid var(--rule)}th{font-weight:600}th:first-child,td:first-child{text-align:left}
.bad{color:var(--bad)}footer{font-size:.85rem;margin:2rem 0}`

/** The report as one HTML document: no script, and nothing that is fetched. Texts of the server are escaped. SPEC LT7. */
export function reportPage(report: LoadReport): string {
  const { options, target, summary, cluster, mix } = report
  const { all, throughput } = summary
  const fact = (value: string, name: string) => html`<div><b>${value}</b>${name}</div>`
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Load test of ${target.model}, ${report.startedAt}</title>
        <style>
          ${raw(CSS)}
        </style>
      </head>
      <body>
        <h1>Load test of ${target.model}</h1>
        <p class="faint">${target.url}, ${target.api}; ${report.startedAt}; isomoe ${report.isomoe}</p>
        <p>
          ${options.arrivals}${options.rateScale === 1 ? '' : ` at ${options.rateScale} times its rate`} (${options.openLoop ? 'open loop' : 'closed loop'}),
          mix ${mix.name}, ${seconds(report.durationMs)} measured after ${options.warmupS} s of warm-up, seed ${options.seed}, at most ${options.maxTokens} new
          tokens.
        </p>
        <div class="facts">
          ${fact(short(throughput.outputTokensPerS), 'output tokens/s')} ${fact(short(throughput.answersPerS), 'answers/s')}
          ${all.ttftMs ? fact(`${short(all.ttftMs.p50)} / ${short(all.ttftMs.p99)}`, 'TTFT ms, p50 / p99') : ''}
          ${all.tpotMs ? fact(`${short(all.tpotMs.p50)} / ${short(all.tpotMs.p99)}`, 'TPOT ms, p50 / p99') : ''}
          ${all.goodput && options.slo ? fact(percent(all.goodput.share), `within ${sloText(options.slo)}`) : ''}
          ${fact(`${all.failed + all.notSent} of ${all.requests}`, 'requests failed or not sent')}
        </div>
        ${raw(chartFile(report))}
        <p class="faint">
          Seconds of the measured time; before 0 is the warm-up. Dashed: phases of the
          mix.${cluster && cluster.events.length > 0 ? ' Solid: first news of a scale event.' : ''}
        </p>
        <h2>Latency</h2>
        ${table(summaryRows(report))} ${notes(report).map((note) => html`<p>${note}</p>`)} ${errorTable(report)}
        ${cluster && cluster.events.length > 0 ? eventTable(cluster.events) : ''}
        <footer>
          <p>
            TTFT: scheduled time to the first output that is not empty (text, reasoning or token ids). TPOT: (last − first output) ÷ (tokens − 1), tokens by the
            server's usage. E2E: scheduled time to the end of the stream. Percentiles are nearest ranks over the requests that were due in the measured time and
            were answered. In the charts they are those of the requests that were due in a bin of ${seconds(report.series.binMs)}.
          </p>
          <p>
            Rates count what came in the measured time. Nothing is retried. Failed and unsent requests miss the SLO. Prompts and times follow from the
            seed.${cluster ? ' Hosts and replicas are what the server said when it was asked.' : ''}
          </p>
        </footer>
      </body>
    </html> `
  if (page instanceof Promise) throw new Error('a report waits for nothing')
  return page.toString()
}

function table([head, ...rows]: readonly (readonly string[])[]) {
  return html`<div class="wide">
    <table>
      <thead>
        <tr>
          ${head!.map((cell) => html`<th>${cell}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell) => html`<td>${cell}</td>`)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`
}

function errorTable({ summary }: LoadReport) {
  const rows = Object.entries(summary.errors).map(([code, count]) => [code, String(count)])
  return rows.length === 0
    ? ''
    : html`<h2 class="bad">Failures</h2>
        ${table([['code', 'requests'], ...rows])}`
}

function eventTable(events: readonly SeenEvent[]) {
  const rows = events.map(({ event, seenMs }) => {
    const loads = event.moves.filter(({ kind }) => kind === 'load')
    const phases = event.phases.map(({ phase, startMs, endMs }) => `${phase} ${endMs === null ? '…' : short(endMs - startMs)}`)
    return [
      `#${event.id}`,
      seconds(seenMs),
      event.reason,
      `${event.fromEpoch} → ${event.toEpoch}`,
      String(loads.length),
      String(event.moves.length - loads.length),
      formatBytes(loads.reduce((sum, { bytes }) => sum + bytes, 0)),
      event.state,
      phases.join(', '),
    ]
  })
  return html`<h2>Scale events</h2>
    ${table([['event', 'at', 'reason', 'epoch', 'loads', 'drops', 'bytes', 'state', 'phases, ms of the server'], ...rows])}`
}
