import { expect, it } from 'vitest'
import { autoscalerStoreContract } from '../../test/contract/autoscaler-store-contract.ts'
import { nodeSqlite } from '../../test/contract/node-sqlite.ts'
import { memoryStore } from './memory-store.ts'
import { sqlStore } from './sql-store.ts'

autoscalerStoreContract('memory', memoryStore)
autoscalerStoreContract('SQLite', () => sqlStore(nodeSqlite()))

it('[EL7] takes over the epoch of the first version, which kept a placement without base replicas', () => {
  const db = nodeSqlite()
  db.exec('CREATE TABLE placement (id INTEGER PRIMARY KEY CHECK (id = 0), inputs TEXT NOT NULL, placement TEXT NOT NULL)')
  db.exec('INSERT INTO placement VALUES (0, ?, ?)', 'old inputs', JSON.stringify({ epoch: 7, hosts: ['expert-00'], layers: [[[0]]] }))
  expect(sqlStore(db).read('table')).toMatchObject({ inputs: '', placement: { epoch: 7 } })
  expect(sqlStore(db).read('table')?.placement.epoch).toBe(7) // once
})
