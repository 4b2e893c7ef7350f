import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { viewEvent } from '../cluster/event-view.ts'
import type { EventView, PhaseView } from '../cluster/event-view.ts'
import { formatBytes, formatMs, plural } from '../format.ts'

/** Events that are shown open. */
const OPEN_MAX = 3

/** Scale events as they happen, newest first. @param log newest first. */
export function ScaleEvents({ log }: { readonly log: readonly ScaleEvent[] }) {
  const events = log.map(viewEvent)
  const [newest] = events
  return (
    <>
      <h3>Scale events</h3>
      <p class="hidden" role="status">
        {newest ? `Scale event ${newest.id}, ${newest.reason}: ${newest.state}, ${summary(newest)}` : ''}
      </p>
      {events.length === 0 && <p class="none">None yet. Copies come when a load makes them worth their bytes.</p>}
      <ol class="events">
        {events.slice(0, OPEN_MAX).map((event) => (
          <Item key={event.id} event={event} />
        ))}
      </ol>
      {events.length > OPEN_MAX && (
        <details class="older">
          <summary>{plural(events.length - OPEN_MAX, 'older event')}</summary>
          <ol class="events">
            {events.slice(OPEN_MAX).map((event) => (
              <Item key={event.id} event={event} />
            ))}
          </ol>
        </details>
      )}
    </>
  )
}

function Item({ event }: { readonly event: EventView }) {
  return (
    <li class={`event ${event.state}`} data-event={event.id} data-state={event.state}>
      <p class="event-head">
        <strong>#{event.id}</strong>
        <span class={`state ${event.state}`}>{event.state}</span>
        <span>{event.reason}</span>
        <span>epoch {event.epochs}</span>
        <span>{summary(event)}</span>
      </p>
      <p class="event-hosts">
        {event.hosts.map(({ host, loads, drops }) => (
          <span key={host}>
            {host} {[loads > 0 ? `+${loads}` : '', drops > 0 ? `−${drops}` : ''].filter(Boolean).join(' ')}
          </span>
        ))}
      </p>
      <ol class="phases">
        {event.phases.map((phase) => (
          <PhaseCell key={phase.phase} phase={phase} />
        ))}
      </ol>
      {event.error && (
        <p class="error">
          <code>{event.error.code}</code> {event.error.message}
        </p>
      )}
    </li>
  )
}

function PhaseCell({ phase }: { readonly phase: PhaseView }) {
  return (
    <li class={`phase ${phase.state}`} data-phase={phase.phase}>
      <span>{phase.phase}</span>
      <b>{phase.state === 'done' ? formatMs(phase.ms ?? 0) : phase.state === 'running' ? '…' : '–'}</b>
      <small>{phase.bytes > 0 ? formatBytes(phase.bytes) : '\u00a0'}</small>
      <i style={{ width: `${phase.share * 100}%` }} />
    </li>
  )
}

function summary({ loadCount, dropCount, copiedBytes, totalMs }: EventView): string {
  const parts = [
    loadCount > 0 ? `+${plural(loadCount, 'expert')}` : null,
    dropCount > 0 ? `−${plural(dropCount, 'expert')}` : null,
    copiedBytes > 0 ? formatBytes(copiedBytes) : null,
    totalMs === null ? null : formatMs(totalMs),
  ]
  return parts.filter((part) => part !== null).join(', ')
}
