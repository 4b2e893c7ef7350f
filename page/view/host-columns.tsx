import type { Signal } from '@preact/signals'
import type { HostColumn, ReplicaCell } from '../cluster/hosts-view.ts'
import { formatBytesOf, formatMs, plural } from '../format.ts'
import { expertAt, expertIn } from './expert-at.ts'
import type { ExpertAt } from './expert-at.ts'

export interface HostColumnsProps {
  readonly hosts: readonly HostColumn[]
  readonly pointed: Signal<ExpertAt | null>
}

/** Every host as a column of the experts that it holds, a row a layer. */
export function HostColumns({ hosts, pointed }: HostColumnsProps) {
  return (
    <>
      <ul class="hosts" onPointerOver={({ target }) => (pointed.value = expertAt(target))} onPointerLeave={() => (pointed.value = null)}>
        {hosts.map((host) => (
          <Column key={host.host} host={host} pointed={pointed.value} />
        ))}
      </ul>
      <p class="legend">
        <span class="cell base h3" /> base replica
        <span class="cell extra h3" /> extra copy
        <span class="cell extra new h3" /> new in this epoch
        <span class="cell arriving" /> arriving
      </p>
    </>
  )
}

function Column({ host, pointed }: { readonly host: HostColumn; readonly pointed: ExpertAt | null }) {
  const share = host.budgetBytes === 0 ? 0 : (host.residentBytes * 100) / host.budgetBytes
  return (
    <li class={`host ${host.state}`} data-host={host.host} data-state={host.state} data-extra={host.extraCount}>
      <div class="host-head">
        <strong>{host.host}</strong>
        <span class={`state ${host.state}`}>{host.state}</span>
      </div>
      <div class="stack" role="img" aria-label={describeHost(host)}>
        {host.layers.map(({ layer, cells }) => (
          <div class="stack-row" key={layer}>
            <span>{layer}</span>
            <div>
              {cells.map((cell) => (
                <i
                  key={cell.expert}
                  class={cellClass(cell, expertIn(layer, pointed) === cell.expert)}
                  data-layer={layer}
                  data-expert={cell.expert}
                  data-kind={cell.kind}
                />
              ))}
            </div>
          </div>
        ))}
        {host.layers.length === 0 && <p>holds nothing</p>}
      </div>
      <span class="gauge" aria-hidden="true">
        <i class="used" style={{ width: `${share}%` }} />
      </span>
      <small>{host.budgetBytes === 0 ? 'not woken yet' : formatBytesOf(host.residentBytes, host.budgetBytes)}</small>
      {host.replicaCount > 0 && (
        <small>
          {host.residentExperts} of {host.replicaCount} loaded
        </small>
      )}
      {host.meanRttMs !== null && (
        <small>
          {formatMs(host.meanRttMs)} a call
          {host.faultCount > 0 && `, ${plural(host.faultCount, 'fault')}`}
        </small>
      )}
    </li>
  )
}

function cellClass({ kind, isNew, heat }: ReplicaCell, isPointed: boolean): string {
  return `cell ${kind} h${heat.level}${isNew ? ' new' : ''}${isPointed ? ' pointed' : ''}`
}

function describeHost({ host, state, replicaCount, extraCount, layers }: HostColumn): string {
  if (layers.length === 0) return `${host}, ${state}: holds nothing`
  const numbers = layers.map(({ layer }) => layer).join(', ')
  return `${host}, ${state}: ${plural(replicaCount, 'expert')} of layers ${numbers}, ${plural(extraCount, 'extra copy', 'extra copies')}`
}
