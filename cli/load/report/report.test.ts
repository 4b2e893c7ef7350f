import { describe, expect, it } from 'vitest'
import type { ClusterView } from '../cluster-view.ts'
import { REPORT_SCHEMA } from '../load-report.ts'
import type { LoadReport } from '../load-report.ts'
import { loadSeries } from '../series.ts'
import { summarizeLoad } from '../summary.ts'
import { recordOf } from '../testing/records.ts'
import { textReport } from '../text-report.ts'
import { drawChart } from './chart.ts'
import { reportPage } from './page.ts'
import { clusterPanels } from './panels.ts'
import { reportChart } from './report-chart.ts'

const EVIL = `<script>alert("x")</script>&'"`

/** Hosts whose work grows by h pairs a second; the engine is reset before sample 3. */
function clusterOf(hostCount: number): ClusterView {
  return {
    samples: Array.from({ length: 6 }, (_, i) => ({
      atMs: i * 1000,
      epoch: 1,
      extraCopies: i,
      hosts: Array.from({ length: hostCount }, (_host, h) => ({
        host: `expert-${h}`,
        state: 'warm' as const,
        residentBytes: 2 ** 20 * (h + 1),
        pairs: h * (i < 3 ? i + 1 : i - 3),
      })),
    })),
    events: [
      {
        event: {
          id: 4,
          reason: EVIL,
          fromEpoch: 1,
          toEpoch: 2,
          state: 'done',
          moves: [{ kind: 'load', layer: 0, expert: 1, host: EVIL, bytes: 3 * 2 ** 20 }],
          phases: [{ phase: 'copy', startMs: 1000, endMs: 1042, bytes: 1 }],
        },
        seenMs: 2500,
        endedMs: 3000,
      },
    ],
  }
}

function reportOf(cluster: ClusterView | null): LoadReport {
  const records = [
    ...Array.from({ length: 40 }, (_, i) => recordOf(i, i * 100 - 500, {}, i > 20 ? 'german' : 'story', i > 20 ? 1 : 0)),
    recordOf(40, 3600, { outcome: { kind: 'error', code: 'http-500:boom', status: 500 }, pieceMs: [], usage: null }),
  ]
  const slo = { ttftMs: 20 }
  return {
    schema: REPORT_SCHEMA,
    startedAt: '2026-01-01T00:00:00.000Z',
    isomoe: '0.1.0',
    target: { url: 'http://x/', model: EVIL, api: 'completions' },
    options: {
      arrivals: 'constant 10/s',
      openLoop: true,
      rateScale: 1,
      durationS: 5,
      warmupS: 0.5,
      seed: 1,
      maxTokens: 8,
      promptTokens: null,
      maxPromptTokens: 256,
      temperature: 0,
      ignoreEos: false,
      connectionsMax: 10,
      timeoutS: 10,
      slo,
    },
    durationMs: 5000,
    interrupted: false,
    mix: {
      name: EVIL,
      phases: [
        { fromMs: 0, weights: { story: 1 } },
        { fromMs: 1600, weights: { [EVIL]: 0.9, story: 0.1 } },
      ],
    },
    summary: summarizeLoad(records, 5000, 2, slo),
    series: loadSeries(records, 500, 5000),
    cluster,
  }
}

/** Fails where tags of an XML-like text do not close in order. Void elements of HTML close themselves. */
function expectBalanced(text: string): void {
  const open: string[] = []
  for (const [, closing, name, selfClosed] of text
    .replaceAll(/<!\[CDATA\[[\s\S]*?\]\]>|<style[\s\S]*?<\/style>/g, '')
    .matchAll(/<(\/?)([a-zA-Z][\w-]*)(?:\s(?:"[^"]*"|[^">])*?)?(\/?)>/g)) {
    if (selfClosed || name === 'meta') continue
    if (closing) expect(open.pop()).toBe(name)
    else open.push(name!)
  }
  expect(open).toEqual([])
}

describe('the HTML report', () => {
  const page = reportPage(reportOf(clusterOf(3)))

  it('[LT7] has no script and nothing that is fetched, and closes all it opens', () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\((?!#)|javascript:| on\w+=/i)
    expect(page.replaceAll(/xmlns(:xlink)?="[^"]*"/g, '').match(/(?:href|src)="/g)).toBeNull()
    expectBalanced(page)
  })

  it('[LT7] escapes what servers and files say', () => {
    expect(page).not.toContain('<script')
    expect(page).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;&quot;')
  })

  it('[LT7] holds the numbers of the JSON', () => {
    const { summary } = reportOf(null)
    expect(page).toContain(`<td>${summary.all.requests}</td>`)
    expect(page).toContain('<td>20 / 20 / 20</td>')
    expect(page).toContain('1 of 36')
    expect(page).toContain('97.2 %')
    expect(page).toContain('http-500:boom')
    expect(page).toContain('<td>#4</td><td>2.5 s</td>')
    expect(page).toContain('copy 42')
    expect(page).toContain('3.0 MiB')
  })

  it('[LT8] leaves the cluster out where there is none', () => {
    const without = reportPage(reportOf(null))
    expect(without).not.toMatch(/Scale events|Work by host|Expert weights/)
    expect(page).toMatch(/Scale events[\s\S]*/)
    expect(page).toContain('Work by host')
  })
})

describe('the chart', () => {
  it('[LT7] is a document of its own with both themes, and the same at every drawing', () => {
    const svg = drawChart(reportChart(reportOf(clusterOf(3))))
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/)
    expect(svg).toContain('@media (prefers-color-scheme:dark)')
    expect(svg).not.toMatch(/ecmeta|<script/)
    expectBalanced(svg)
    const anonymous = (text: string) => text.replaceAll(/zr\d+-/g, '')
    expect(anonymous(drawChart(reportChart(reportOf(clusterOf(3)))))).toBe(anonymous(svg))
  })

  it('[LT7] stands for an empty run, too', () => {
    const report = reportOf(null)
    const empty = { ...report, series: loadSeries([], 0, 5000), summary: summarizeLoad([], 5000, 2, null) }
    expectBalanced(reportPage(empty))
    expect(textReport(empty)).toContain('0 due')
  })

  it('[LT8] work by host is the growth of its counter; over a reset of the engine it is a gap', () => {
    const [work, bytes, replicas] = clusterPanels(clusterOf(3))
    expect(work!.lines[2]!.points.map(([, value]) => value)).toEqual([null, 2, 2, null, 2, 2])
    expect([work!.lines[2]!.step, bytes!.lines[2]!.step]).toEqual(['before', 'after']) // a rate is of the time before its look
    expect(bytes!.lines[1]!.points[0]).toEqual([0, 2])
    expect(replicas!.lines.map(({ name }) => name)).toEqual(['extra copies', 'hosts in use'])
  })

  it('[LT8] many hosts are shown as the busiest, the mean and the idlest', () => {
    const [work] = clusterPanels(clusterOf(20))
    expect(work!.lines.map(({ points }) => points[1]![1])).toEqual([19, 9.5, 0])
  })
})

it('[LT4] the text names every failure and what was not sent', () => {
  const report = reportOf(null)
  const all = { ...report.summary.all, notSent: 3 }
  const text = textReport({ ...report, interrupted: true, summary: { ...report.summary, all } })
  expect(text).toContain('1 × http-500:boom')
  expect(text).toContain('3 requests were not sent: 10 were under way')
  expect(text).toContain('ended early')
})
