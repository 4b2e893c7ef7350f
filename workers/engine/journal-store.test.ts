import { registerJournalStoreContract } from '../../test/contract/journal-store-contract.ts'
import { memoryJournalStore } from './journal-store.ts'

registerJournalStoreContract(async (test) => {
  const store = memoryJournalStore()
  test(() => store)
})
