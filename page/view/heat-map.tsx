import type { Signal } from '@preact/signals'
import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { ExpertCell, LayerRow } from '../cluster/layers-view.ts'
import { formatNumber, plural } from '../format.ts'
import { expertAt, expertIn } from './expert-at.ts'
import type { ExpertAt } from './expert-at.ts'

export interface HeatMapProps {
  readonly layers: readonly LayerRow[]
  readonly pointed: Signal<ExpertAt | null>
  readonly labelledBy: string
}

/** Layers × experts, coloured by load; a number says how many replicas there are. One stop of the Tab key, arrows walk. SPEC LP8. */
export function HeatMap({ layers, pointed, labelledBy }: HeatMapProps) {
  const board = useRef<HTMLDivElement>(null)
  const stop = useSignal<ExpertAt>({ layer: layers[0]!.layer, expert: 0 })
  const point = (target: EventTarget | null): void => {
    pointed.value = expertAt(target)
  }
  return (
    <div
      ref={board}
      class="map"
      role="grid"
      aria-labelledby={labelledBy}
      onPointerOver={({ target }) => point(target)}
      onPointerLeave={() => (pointed.value = null)}
      onFocusIn={({ target }) => {
        point(target)
        stop.value = expertAt(target) ?? stop.value
      }}
      onFocusOut={() => (pointed.value = null)}
      onKeyDown={(event) => {
        const next = STEPS[event.key]?.(stop.value, layers)
        if (next === undefined) return
        event.preventDefault()
        board.current?.querySelector<HTMLElement>(`[data-layer="${next.layer}"][data-expert="${next.expert}"]`)?.focus()
      }}
    >
      {layers.map((row) => (
        <Row key={row.layer} row={row} pointed={expertIn(row.layer, pointed.value)} stop={expertIn(row.layer, stop.value)} />
      ))}
    </div>
  )
}

const STEPS: Readonly<Record<string, (at: ExpertAt, layers: readonly LayerRow[]) => ExpertAt>> = {
  ArrowRight: ({ layer, expert }) => ({ layer, expert: expert + 1 }),
  ArrowLeft: ({ layer, expert }) => ({ layer, expert: expert - 1 }),
  ArrowDown: (at, layers) => ({ ...at, layer: layers.find(({ layer }) => layer > at.layer)?.layer ?? at.layer }),
  ArrowUp: (at, layers) => ({ ...at, layer: layers.findLast(({ layer }) => layer < at.layer)?.layer ?? at.layer }),
  Home: ({ layer }) => ({ layer, expert: 0 }),
  End: ({ layer }, layers) => ({ layer, expert: (layers.find((row) => row.layer === layer)?.experts.length ?? 1) - 1 }),
}

function Row({ row, pointed, stop }: { readonly row: LayerRow; readonly pointed: number; readonly stop: number }) {
  // Numbers only for the cell that is looked at: to format those of ten thousand takes longer than to draw them.
  return (
    <div class="map-row" role="row" data-extra={row.extraCount}>
      <span role="rowheader">{row.layer}</span>
      <div class="cells" role="presentation">
        {row.experts.map((cell) => (
          <span
            key={cell.expert}
            role="gridcell"
            class={`expert h${cell.heat.level}${pointed === cell.expert ? ' pointed' : ''}`}
            data-layer={cell.layer}
            data-expert={cell.expert}
            data-replicas={cell.hosts.length}
            tabIndex={stop === cell.expert ? 0 : -1}
            aria-label={pointed === cell.expert ? describeExpert(cell) : `Layer ${cell.layer}, expert ${cell.expert}, replicas: ${cell.hosts.length}`}
          >
            {cell.hosts.length > 1 ? cell.hosts.length : ''}
          </span>
        ))}
      </div>
    </div>
  )
}

/** One expert in a sentence: for the readout, and for who does not see colours. */
export function describeExpert({ layer, expert, heat, hosts }: ExpertCell): string {
  const load = `${formatNumber(heat.pairsPerS)} pairs/s, ${heat.ratio.toFixed(2)} × the mean of its layer`
  return `Layer ${layer}, expert ${expert}: ${load}; ${plural(hosts.length, 'replica')} on ${hosts.join(', ') || 'no host'}`
}
