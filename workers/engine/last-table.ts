import type { Placement } from '../../shared/placement/placement.ts'

/** The last placement that this engine ran on, in SQLite: it begins with that one where the autoscaler cannot be reached. */
export interface LastTable {
  /** @param inputs what the table is of: pack and tier. Null where the stored one is of another. */
  read(inputs: string): Placement | null
  write(inputs: string, placement: Placement): void
}

/** Runs a statement and gives its rows. */
type Exec = (query: string, ...bindings: (string | number)[]) => Readonly<Record<string, unknown>>[]

export function sqlLastTable(exec: Exec): LastTable {
  exec('CREATE TABLE IF NOT EXISTS last_table (id INTEGER PRIMARY KEY CHECK (id = 0), inputs TEXT NOT NULL, placement TEXT NOT NULL)')
  return {
    read(inputs) {
      const [row] = exec('SELECT inputs, placement FROM last_table')
      return row?.['inputs'] === inputs ? (JSON.parse(String(row['placement'])) as Placement) : null
    },
    write(inputs, placement) {
      exec('INSERT OR REPLACE INTO last_table (id, inputs, placement) VALUES (0, ?, ?)', inputs, JSON.stringify(placement))
    },
  }
}
