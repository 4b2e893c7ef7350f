import type { Placement } from '../../shared/placement/placement.ts'
import type { LastTable } from './membership.ts'

/** The engine's last table in its object's SQLite. */
export function sqlLastTable(sql: SqlStorage): LastTable {
  sql.exec('CREATE TABLE IF NOT EXISTS last_table (id INTEGER PRIMARY KEY CHECK (id = 0), inputs TEXT NOT NULL, placement TEXT NOT NULL)')
  return {
    read(inputs) {
      const [row] = sql.exec<{ inputs: string; placement: string }>('SELECT inputs, placement FROM last_table').toArray()
      return row?.inputs === inputs ? (JSON.parse(row.placement) as Placement) : null
    },
    write(inputs, placement) {
      sql.exec('INSERT OR REPLACE INTO last_table (id, inputs, placement) VALUES (0, ?, ?)', inputs, JSON.stringify(placement))
    },
  }
}
