import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'

/**
 * Adds news of scale events, newest event first. They come from the stream and with each state, in any order: of one event the account that is furthest is kept.
 * As many are kept as the autoscaler keeps. An id that begins anew is another event: the autoscaler's storage was. SPEC LP5.
 */
export function mergeEvents(log: readonly ScaleEvent[], news: readonly ScaleEvent[]): readonly ScaleEvent[] {
  const byId = new Map(log.map((event) => [event.id, event]))
  for (const event of news) {
    const known = byId.get(event.id)
    if (known === undefined || isFurther(event, known)) byId.set(event.id, event)
  }
  return Array.from(byId.values())
    .toSorted((a, b) => b.id - a.id)
    .slice(0, LIMITS.scaleEventsKept)
}

function isFurther(event: ScaleEvent, known: ScaleEvent): boolean {
  const [began, knownBegan] = [event, known].map(({ phases }) => phases[0]?.startMs ?? 0)
  if (began !== knownBegan) return began! > knownBegan!
  return progressOf(event) > progressOf(known)
}

function progressOf({ phases, state }: ScaleEvent): number {
  const ended = phases.filter(({ endMs }) => endMs !== null).length
  return (state === 'running' ? 0 : 1000) + phases.length + ended
}

/** A line of the stream; null where it is none that we know. */
export function readScaleEvent(data: string): ScaleEvent | null {
  try {
    const event = JSON.parse(data) as ScaleEvent | null
    return event !== null && typeof event.id === 'number' && Array.isArray(event.phases) && Array.isArray(event.moves) ? event : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
