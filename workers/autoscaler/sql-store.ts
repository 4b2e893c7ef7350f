import type { Placement } from '../../shared/placement/placement.ts'
import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { AutoscalerStore, DocumentName, Documents } from './store.ts'

/** What the store needs of SQLite: the platform's, or Node's in tests. */
export interface SqlDatabase {
  exec(query: string, ...bindings: (string | number)[]): Record<string, unknown>[]
  transaction<T>(work: () => T): T
}

/** A document is a JSON row: the largest, the load of 48 layers of 128 experts, has 120 KB; the platform takes 2 MB. */
export function sqlStore(db: SqlDatabase): AutoscalerStore {
  db.exec('CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, json TEXT NOT NULL)')
  db.exec('CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, json TEXT NOT NULL)')
  const store: AutoscalerStore = {
    read<K extends DocumentName>(name: K) {
      const [row] = db.exec('SELECT json FROM documents WHERE name = ?', name)
      return row ? (JSON.parse(row['json'] as string) as Documents[K]) : null
    },
    write(name, value) {
      if (value === null) db.exec('DELETE FROM documents WHERE name = ?', name)
      else db.exec('INSERT OR REPLACE INTO documents (name, json) VALUES (?, ?)', name, JSON.stringify(value))
    },
    events: (fromId) => db.exec('SELECT json FROM events WHERE id >= ? ORDER BY id', fromId).map((row) => JSON.parse(row['json'] as string) as ScaleEvent),
    putEvent(event) {
      db.exec('INSERT OR REPLACE INTO events (id, json) VALUES (?, ?)', event.id, JSON.stringify(event))
      db.exec('DELETE FROM events WHERE id <= (SELECT MAX(id) FROM events) - ?', LIMITS.scaleEventsKept)
    },
    transaction: (work) => db.transaction(work as () => never),
  }
  adoptFirstTable(db, store)
  return store
}

/** The first version kept the placement in a table of its own, without base replicas. Its epoch still counts: the next plan gets a higher one. */
function adoptFirstTable(db: SqlDatabase, store: AutoscalerStore): void {
  if (db.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'placement'").length === 0) return
  const [row] = db.exec('SELECT placement FROM placement')
  db.transaction(() => {
    if (row && store.read('table') === null) store.write('table', { inputs: '', placement: JSON.parse(row['placement'] as string) as Placement })
    db.exec('DROP TABLE placement')
  })
}
