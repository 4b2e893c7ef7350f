import type { EChartsOption, LineSeriesOption } from 'echarts'
import { init } from 'echarts/dist/echarts.esm.min'
import type { Marker, Panel, PanelLine } from './panels.ts'
import { INK, themeCss } from './theme.ts'

const WIDTH = 960
const LEFT = 64
const RIGHT = 24
/** Space above the first panel: labels of the markers. */
const TOP = 40
const PANEL = { title: 34, plot: 112 }
const AXIS = 34
const FONT = 'system-ui, sans-serif' // no quotes: the library writes it into an attribute as it is
const SMALL = { fontFamily: FONT, fontSize: 11 }

export interface Chart {
  readonly panels: readonly Panel[]
  readonly markers: readonly Marker[]
  readonly fromS: number
  readonly toS: number
}

/** Panels one above the other on one time axis, as an SVG document that carries its colours. This file alone knows the library. */
export function drawChart(chart: Chart): string {
  const height = TOP + chart.panels.length * (PANEL.title + PANEL.plot) + AXIS
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  try {
    drawing.setOption(chartOption(chart))
    const svg = drawing.renderToSVGString({ useViewBox: true })
    return svg.replaceAll(FOR_HOVERING, '').replace('>', `><style>${themeCss(':root')}</style>`)
  } finally {
    drawing.dispose()
  }
}

/** What the library writes for its script in a browser and for pointers: dead weight here, and numbered by a counter of the process. */
const FOR_HOVERING = / ecmeta_\w+="[^"]*"| class="zr\d+-cls-\d+"|<style ><!\[CDATA\[[\s\S]*?\]\]>\s*<\/style>\n?/g

function chartOption({ panels, markers, fromS, toS }: Chart): EChartsOption {
  const top = (i: number) => TOP + i * (PANEL.title + PANEL.plot)
  const last = panels.length - 1
  const axisText = { ...SMALL, color: INK.faint }
  return {
    animation: false,
    title: panels.map(({ title, unit }, i) => ({
      text: `${title} (${unit})`,
      left: LEFT - 8,
      top: top(i) + 4,
      textStyle: { color: INK.ink, fontFamily: FONT, fontSize: 13, fontWeight: 600 },
    })),
    legend: panels.map(({ lines }, i) => ({
      data: lines.map(({ name }) => ({ name: seriesName(i, name), icon: 'rect' })),
      formatter: (name: string) => name.slice(name.indexOf('/') + 1),
      right: RIGHT + 12,
      top: top(i) + 6,
      itemWidth: 12,
      itemHeight: 3,
      itemGap: 18, // the library guesses widths of text, a little too small
      selectedMode: false,
      textStyle: { ...axisText, color: INK.ink },
    })),
    grid: panels.map((_, i) => ({ left: LEFT, right: RIGHT, top: top(i) + PANEL.title, height: PANEL.plot - 12 })),
    xAxis: panels.map((_, i) => ({
      gridIndex: i,
      type: 'value',
      min: fromS,
      max: toS,
      axisLine: { onZero: false, lineStyle: { color: INK.rule } },
      axisTick: { show: i === last, lineStyle: { color: INK.rule } },
      axisLabel: { ...axisText, show: i === last, formatter: '{value} s' },
      splitLine: { show: false },
    })),
    yAxis: panels.map((panel, i) => ({
      gridIndex: i,
      type: 'value',
      min: 0,
      ...niceScale(Math.max(panel.limit ?? 0, ...panel.lines.flatMap(({ points }) => points.map(([, value]) => value ?? 0)))),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...axisText, showMaxLabel: true },
      splitLine: { lineStyle: { color: INK.rule } },
    })),
    series: panels.flatMap((panel, i) => panel.lines.map((line, j) => lineSeries(panel, i, line, j, markers))),
  }
}

/** Legends are by name, over all panels: names of different panels must differ. */
function seriesName(panel: number, name: string): string {
  return `${panel}/${name}`
}

function lineSeries(panel: Panel, i: number, line: PanelLine, j: number, markers: readonly Marker[]): LineSeriesOption {
  const color = line.tone === 'bad' ? INK.bad : INK.series[j % INK.series.length]!
  return {
    type: 'line',
    silent: true,
    name: seriesName(i, line.name),
    xAxisIndex: i,
    yAxisIndex: i,
    data: line.points.map(([seconds, value]) => [seconds, value ?? '-']),
    ...(line.step && { step: line.step === 'after' ? 'end' : 'start' }),
    showSymbol: !line.step, // a value between two gaps has no line
    symbolSize: 3,
    lineStyle: { color, width: 1.6 },
    itemStyle: { color },
    ...(j === 0 && { markLine: markLines(panel, i, markers) }), // once a panel
  }
}

type MarkLines = NonNullable<LineSeriesOption['markLine']>

function markLines(panel: Panel, i: number, markers: readonly Marker[]): MarkLines {
  const data: NonNullable<MarkLines['data']> = markers.map(({ seconds, label, kind }) => {
    const color = kind === 'scale' ? INK.scale : INK.faint
    const distance = kind === 'scale' ? 24 : [0, 36]
    const show = i === 0 && label !== ''
    return {
      xAxis: seconds,
      lineStyle: { color, type: kind === 'scale' ? 'solid' : 'dashed', width: 1 },
      label: { ...SMALL, color, show, formatter: label.replaceAll(/[{}]/g, ''), position: 'end', distance },
    }
  })
  if (panel.limit !== null) {
    const label = { ...SMALL, color: INK.faint, formatter: 'SLO', position: 'insideEndBottom' as const }
    data.push({ yAxis: panel.limit, lineStyle: { color: INK.faint, type: 'dotted', width: 1 }, label })
  }
  return { silent: true, symbol: 'none', data }
}

/** The least nice number that holds `value`, and three to five even parts of it. */
function niceScale(value: number): { max: number; interval: number } {
  const power = value > 0 ? 10 ** Math.floor(Math.log10(value)) : 0.1
  const [max, parts] = NICE.find(([step]) => step * power >= value) ?? NICE.at(-1)!
  return { max: max * power, interval: (max * power) / parts }
}

const NICE = [
  [1, 4],
  [1.2, 4],
  [1.5, 3],
  [2, 4],
  [2.5, 5],
  [3, 3],
  [4, 4],
  [5, 5],
  [6, 3],
  [8, 4],
  [10, 5],
] as const
