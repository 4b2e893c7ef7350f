import type { ComponentChildren } from 'preact'
import type { ClusterView } from '../cluster/cluster-view.ts'
import type { Rates } from '../cluster/rates.ts'
import { formatBytes, formatMs, formatNumber, plural } from '../format.ts'
import { Sparkline } from './sparkline.tsx'

export interface FiguresProps {
  readonly view: ClusterView
  readonly rates: Rates
}

/** The engine's figures. */
export function Figures({ view, rates }: FiguresProps) {
  const { kv, step } = view
  const hosts = (state: string) => view.hosts.filter((host) => host.state === state).length
  return (
    <dl class="figures">
      <Figure name="tokens/s" value={rates.tokensPerS === null ? '–' : formatNumber(rates.tokensPerS)} wide>
        <Sparkline values={rates.history} />
      </Figure>
      <Figure name="epoch" value={String(view.epoch)} note={view.drainingEpoch === null ? 'all steps on it' : `steps still on ${view.drainingEpoch}`} />
      <Figure name="requests running" value={String(view.running)} note={`${view.waiting} waiting`} />
      <Figure name="KV pages" value={kv.total === 0 ? '–' : String(kv.used)} note={`${kv.cached} cached, of ${kv.total}`}>
        <span class="gauge" aria-hidden="true">
          <i class="used" style={{ width: `${percent(kv.used, kv.total)}%` }} />
          <i class="cached" style={{ width: `${percent(kv.cached, kv.total)}%` }} />
        </span>
      </Figure>
      <Figure
        name="a step takes"
        value={step === null ? '–' : formatMs(step.measuredMs)}
        note={step === null ? 'not measured yet' : `${formatMs(step.predictedMs)} predicted`}
      />
      <Figure
        name="steps/s"
        value={rates.stepsPerS === null ? '–' : formatNumber(rates.stepsPerS)}
        note={`${plural(view.lanes, 'lane')}, ${view.steps.toLocaleString('en-US')} steps`}
      />
      <Figure
        name="replicas"
        value={String(view.replicaCount)}
        note={view.extraCount === 0 ? 'no extra copies' : plural(view.extraCount, 'extra copy', 'extra copies')}
      />
      <Figure
        name="hosts at work"
        value={String(hosts('warm'))}
        note={[`${hosts('standby')} standby`, hosts('lost') > 0 ? `${hosts('lost')} lost` : null].filter((part) => part !== null).join(', ')}
      />
      <Figure name="engine memory" value={formatBytes(view.memoryBytes)} note={`kernels ${view.kernels}`} />
    </dl>
  )
}

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly note?: string
  readonly wide?: boolean
  readonly children?: ComponentChildren
}

function Figure({ name, value, note, wide = false, children }: FigureProps) {
  return (
    <div class={wide ? 'figure wide' : 'figure'}>
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        {note !== undefined && <small>{note}</small>}
        {children}
      </dd>
    </div>
  )
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : (part * 100) / whole
}
