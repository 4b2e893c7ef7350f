import { env, runInDurableObject } from 'cloudflare:test'
import { durableJournalStore } from '../../workers/engine/durable-journal-store.ts'
import { registerJournalStoreContract } from '../contract/journal-store-contract.ts'

let objects = 0

/** In the storage of an object that has nothing else to keep; each test has its own. */
registerJournalStoreContract(async (test) => {
  await runInDurableObject(env.EXPERT.getByName(`journal ${objects++}`), (_, { storage }) => {
    test(() =>
      durableJournalStore(storage, (error) => {
        throw error
      }),
    )
  })
})
