import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { AutoscalerStore, DocumentName, Documents } from './store.ts'

/** The store without SQLite. Values go in and out as JSON, so that nobody shares an object with it. */
export function memoryStore(): AutoscalerStore {
  let documents = new Map<DocumentName, string>()
  let events = new Map<number, string>()
  return {
    read<K extends DocumentName>(name: K) {
      const json = documents.get(name)
      return json === undefined ? null : (JSON.parse(json) as Documents[K])
    },
    write(name, value) {
      if (value === null) documents.delete(name)
      else documents.set(name, JSON.stringify(value))
    },
    events: (fromId) =>
      Array.from(events.entries())
        .filter(([id]) => id >= fromId)
        .toSorted(([a], [b]) => a - b)
        .map(([, json]) => JSON.parse(json) as ScaleEvent),
    putEvent(event) {
      events.set(event.id, JSON.stringify(event))
      const newest = Math.max(...events.keys())
      for (const id of events.keys()) if (id <= newest - LIMITS.scaleEventsKept) events.delete(id)
    },
    transaction(work) {
      const before = [new Map(documents), new Map(events)] as const
      try {
        return work()
      } catch (error) {
        ;[documents, events] = before
        throw error
      }
    },
  }
}
