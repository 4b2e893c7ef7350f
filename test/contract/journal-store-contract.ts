import { describe, expect, it } from 'vitest'
import { forgetStored } from '../../workers/engine/journal-store.ts'
import type { JournaledRequest, JournalStore } from '../../workers/engine/journal-store.ts'

function requestOf(requestId: string, prompt: readonly number[] = [1, 2, 3]): JournaledRequest {
  const sampling = { temperature: 0.5, topK: 0, topP: 1, minP: 0, seed: 2 ** 32 - 1 }
  return {
    request: { requestId, prompts: [prompt], n: 2, maxTokens: null, sampling, adjustments: null, grammar: null, stopTokens: [7], logprobs: null, echo: false },
    pack: 'pack q8',
  }
}

const pairs = (...ids: number[]) => Uint32Array.from(ids)
const NOTHING = { add: [], append: [], remove: [] }

/**
 * What the journal needs of a store, however it keeps things.
 * @param use runs a test with a store that is empty at first; `reopen` gives another on the same contents.
 */
export function registerJournalStoreContract(use: (test: (open: () => JournalStore) => void) => Promise<void>): void {
  describe('a journal store', () => {
    it('[JR2] is empty at first', () =>
      use((open) => {
        expect(open().list()).toEqual({ requests: [], lastWriteMs: null })
        expect(open().read('a')).toBeNull()
      }))

    it('[JR2] gives requests and their tokens back in order, whoever reads', () =>
      use((open) => {
        const store = open()
        store.write({ ...NOTHING, atMs: 5, add: [requestOf('a'), requestOf('b', [9])] })
        for (let batch = 0; batch < 12; batch++)
          store.write({ ...NOTHING, atMs: 6 + batch, append: [{ requestId: 'a', batch, pairs: pairs(batch % 2, 100 + batch) }] })
        const again = open()
        const ids = Array.from({ length: 12 }, (_, batch) => [batch % 2, 100 + batch]).flat()
        expect(again.read('a')).toEqual({ ...requestOf('a'), pairs: pairs(...ids) })
        expect(again.read('b')).toEqual({ ...requestOf('b', [9]), pairs: pairs() })
        expect(again.list().lastWriteMs).toBe(17)
        const sizes = again.list().requests.map(({ requestId, pack, batches, bytes }) => [requestId, pack, batches, bytes > batches * 8])
        expect(sizes.toSorted()).toEqual([
          ['a', 'pack q8', 12, true],
          ['b', 'pack q8', 0, true],
        ])
      }))

    it('[JR2] removes a request with its tokens, and takes it anew in the same write', () =>
      use((open) => {
        const store = open()
        store.write({ ...NOTHING, atMs: 1, add: [requestOf('a'), requestOf('b')] })
        store.write({
          ...NOTHING,
          atMs: 2,
          append: [
            { requestId: 'a', batch: 0, pairs: pairs(0, 5) },
            { requestId: 'b', batch: 0, pairs: pairs(1, 6) },
          ],
        })
        store.write({ atMs: 3, add: [requestOf('a', [4])], append: [], remove: ['a', 'b', 'nobody'] })
        expect(open().read('a')).toEqual({ ...requestOf('a', [4]), pairs: pairs() })
        expect(open().read('b')).toBeNull()
        expect(
          open()
            .list()
            .requests.map(({ requestId, batches }) => [requestId, batches]),
        ).toEqual([['a', 0]])
      }))

    it('[JR2] forgets one request where no journal is open, and writes nothing where it holds none of that id', () =>
      use((open) => {
        const store = open()
        store.write({ ...NOTHING, atMs: 1, add: [requestOf('a'), requestOf('b')], append: [{ requestId: 'a', batch: 0, pairs: pairs(0, 5) }] })
        forgetStored(open(), 'a', 2)
        forgetStored(open(), 'nobody', 3)
        expect(open().list()).toMatchObject({ requests: [{ requestId: 'b' }], lastWriteMs: 2 })
        expect(open().read('a')).toBeNull()
      }))

    it('[JR2] keeps requests apart whose ids begin alike or have any characters', () =>
      use((open) => {
        const store = open()
        const ids = ['a', 'a/', 'a/b', 'ab', '%', 'ü🙂', '']
        store.write({ ...NOTHING, atMs: 1, add: ids.map((id) => requestOf(id)) })
        store.write({ ...NOTHING, atMs: 1, append: ids.map((requestId, i) => ({ requestId, batch: 0, pairs: pairs(0, i) })) })
        for (const [i, id] of ids.entries()) expect(open().read(id)?.pairs).toEqual(pairs(0, i))
        store.write({ ...NOTHING, atMs: 2, remove: ['a'] })
        expect(open().list().requests).toHaveLength(ids.length - 1)
        expect(open().read('a/b')?.pairs).toEqual(pairs(0, 2))
      }))

    it('[JR2] takes a write of more requests than a call of the platform', () =>
      use((open) => {
        const store = open()
        const ids = Array.from({ length: 300 }, (_, i) => `r${i}`)
        store.write({ ...NOTHING, atMs: 1, add: ids.map((id) => requestOf(id)) })
        store.write({ ...NOTHING, atMs: 1, append: ids.map((requestId, i) => ({ requestId, batch: 0, pairs: pairs(1, i) })) })
        expect(open().list().requests).toHaveLength(300)
        store.write({ ...NOTHING, atMs: 2, remove: ids })
        expect(open().list().requests).toEqual([])
      }))
  })
}
