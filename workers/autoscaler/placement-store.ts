import type { Placement } from '../../shared/placement/placement.ts'

/** The placement in force, in SQLite: it survives the object. `inputs` names what it was planned from. */
export interface PlacementStore {
  read(): { readonly inputs: string; readonly placement: Placement } | null
  write(inputs: string, placement: Placement): void
}

export function sqlPlacementStore(sql: SqlStorage): PlacementStore {
  sql.exec('CREATE TABLE IF NOT EXISTS placement (id INTEGER PRIMARY KEY CHECK (id = 0), inputs TEXT NOT NULL, placement TEXT NOT NULL)')
  return {
    read() {
      const [row] = sql.exec<{ inputs: string; placement: string }>('SELECT inputs, placement FROM placement').toArray()
      return row ? { inputs: row.inputs, placement: JSON.parse(row.placement) as Placement } : null
    },
    write(inputs, placement) {
      sql.exec('INSERT OR REPLACE INTO placement (id, inputs, placement) VALUES (0, ?, ?)', inputs, JSON.stringify(placement))
    },
  }
}
