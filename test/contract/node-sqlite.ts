import { DatabaseSync } from 'node:sqlite'
import type { SqlDatabase } from '../../workers/autoscaler/sql-store.ts'

/** Node's SQLite in memory, as the platform gives it to an object. */
export function nodeSqlite(): SqlDatabase {
  const db = new DatabaseSync(':memory:')
  return {
    exec: (query, ...bindings) => db.prepare(query).all(...bindings),
    transaction(work) {
      db.exec('BEGIN')
      try {
        const value = work()
        db.exec('COMMIT')
        return value
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
  }
}
