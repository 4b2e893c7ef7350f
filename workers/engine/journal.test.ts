import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { greedyRequest } from '../../test/cluster/cluster.ts'
import { createJournal } from './journal.ts'
import { journalBounds } from './journal-bounds.ts'
import type { JournalBounds } from './journal-bounds.ts'
import { memoryJournalStore, requestBytes } from './journal-store.ts'
import type { JournalWrite } from './journal-store.ts'

/** A journal with its clock in the test's hands, and its writes. */
function open(bounds: Partial<JournalBounds> = {}, store = memoryJournalStore(), clock = { ms: 1000 }, pack = 'p') {
  const writes: JournalWrite[] = []
  const noted = { ...store, write: (write: JournalWrite) => void (writes.push(write), store.write(write)) }
  const journal = createJournal({ store: noted, nowMs: () => clock.ms, bounds: { ...journalBounds(100), ...bounds }, pack })
  return { journal, store, clock, writes, reopen: (to = pack) => open(bounds, store, clock, to) }
}

const request = (requestId: string, n = 1) => greedyRequest([[4, 5, 6]], { requestId, n })
const stored = ({ store }: { readonly store: ReturnType<typeof memoryJournalStore> }) => store.list().requests.map(({ requestId }) => requestId)

describe('what is written when', () => {
  it('[JR1] a request at once, tokens when enough wait', () => {
    const { journal, store, writes } = open({ batchTokens: 3, batchMs: Infinity })
    const run = journal.admit(request('a'))!
    expect(writes).toMatchObject([{ add: [{ request: { requestId: 'a' } }], append: [], remove: [] }])
    run.token(0, 0, 70)
    run.token(0, 1, 71)
    expect(writes).toHaveLength(1)
    run.token(0, 2, 72)
    expect(store.read('a')?.pairs).toEqual(Uint32Array.of(0, 70, 0, 71, 0, 72))
  })

  it('[JR1] or when the oldest has waited long enough, of all requests in one write', () => {
    const { journal, clock, writes } = open({ batchMs: 100 })
    const runs = [journal.admit(request('a'))!, journal.admit(request('b'))!]
    runs[0]!.token(0, 0, 70)
    clock.ms += 60
    runs[1]!.token(0, 0, 80)
    clock.ms += 39
    runs[1]!.token(0, 1, 81)
    expect(writes).toHaveLength(2)
    clock.ms += 1
    runs[0]!.token(0, 1, 71)
    expect(writes).toHaveLength(3)
    expect(writes[2]!.append.map(({ requestId, batch }) => [requestId, batch])).toEqual([
      ['a', 0],
      ['b', 0],
    ])
  })

  it('[JR2] a request that is forgotten goes with the next write, at once where no other has a stream', () => {
    const opened = open({ batchTokens: 2, batchMs: Infinity })
    const { journal, writes } = opened
    journal.admit(request('a'))
    const run = journal.admit(request('b'))!
    run.token(0, 0, 1)
    journal.forget('a')
    expect(stored(opened)).toEqual(['a', 'b'])
    run.token(0, 1, 2)
    expect(stored(opened)).toEqual(['b'])
    journal.forget('b')
    journal.forget('b')
    expect(stored(opened)).toEqual([])
    expect(writes).toHaveLength(4)
    expect(journal.held()).toEqual({ requests: 0, batches: 0, bytes: 0 })
  })
})

describe('what is given back', () => {
  it('[JR1] the request and the tokens of each choice, and it goes on from there', () => {
    const { journal, reopen } = open({ batchTokens: 2 })
    const run = journal.admit(request('a', 2))!
    for (const [index, position, id] of [
      [0, 0, 10],
      [1, 0, 20],
      [1, 1, 21],
      [0, 1, 11],
      [1, 2, 22],
    ] as const)
      run.token(index, position, id)
    const again = reopen().journal.find('a')! // the last token was not written
    expect(again).toMatchObject({
      request: request('a', 2),
      ids: [
        [10, 11],
        [20, 21],
      ],
    })
    const on = again.attach()
    on.token(1, 0, 20) // made again
    on.token(1, 1, 21)
    on.token(1, 2, 22)
    on.token(1, 3, 23)
    expect(reopen().journal.find('a')?.ids).toEqual([
      [10, 11],
      [20, 21, 22, 23],
    ])
  })

  it('[JR1] what waits is given back, too, where the engine was not reset', () => {
    const { journal } = open()
    journal.admit(request('a'))!.token(0, 0, 10)
    expect(journal.find('a')?.ids).toEqual([[10]])
  })

  it('[JR3] a stream that was taken over notes nothing and ends nothing', () => {
    const { journal, clock, store } = open({ batchTokens: 1, keepMs: 50 })
    const first = journal.admit(request('a'))!
    const second = journal.find('a')!.attach()
    first.token(0, 0, 66)
    first.detach()
    clock.ms += 60
    second.token(0, 0, 77)
    expect(store.read('a')?.pairs).toEqual(Uint32Array.of(0, 77))
  })

  it('[JR1] nothing of a request that was never there, is forgotten, or was made with other weights', () => {
    const opened = open()
    expect(opened.journal.find('a')).toBeNull()
    opened.journal.admit(request('a'))
    opened.journal.admit(request('b'))
    opened.journal.forget('b')
    expect(opened.journal.find('b')).toBeNull()
    expect(opened.reopen('q').journal.find('a')).toBeNull()
    expect(stored(opened)).toEqual([])
  })
})

describe('bounds', () => {
  it('[JR2] a request without a stream is dropped by the next write after its time', () => {
    const opened = open({ keepMs: 500 })
    opened.journal.admit(request('a'))!.detach()
    opened.journal.admit(request('b'))
    const { journal, clock } = opened.reopen() // a reset: nobody has a stream
    clock.ms += 499
    journal.admit(request('c'))
    expect(stored(opened)).toEqual(['a', 'b', 'c'])
    journal.find('b')!.attach()
    clock.ms += 1
    journal.admit(request('d'))
    expect(stored(opened).toSorted()).toEqual(['b', 'c', 'd'])
  })

  it('[JR2] one that is asked for when its time is over is unknown, whatever waits to be written', () => {
    const { journal, clock } = open({ keepMs: 500, batchMs: Infinity })
    journal.admit(request('a'))!.detach()
    journal.admit(request('b'))!.token(0, 0, 10)
    clock.ms += 500
    expect(journal.find('a')).toBeNull()
  })

  it('[JR2] one that is only looked at keeps its run, and its time', () => {
    const opened = open({ batchTokens: 1, keepMs: 500 })
    const run = opened.journal.admit(request('a'))!
    opened.journal.find('a')
    run.token(0, 0, 10)
    expect(opened.journal.find('a')?.ids).toEqual([[10]])
    run.detach()
    opened.journal.find('a')
    opened.clock.ms += 500
    opened.journal.admit(request('b'))
    expect(stored(opened)).toEqual(['b'])
  })

  it('[JR2] all are dropped on start where nothing was written for that time', () => {
    const opened = open({ keepMs: 500 })
    opened.journal.admit(request('a'))
    opened.clock.ms += 500
    const { journal } = opened.reopen()
    expect(stored(opened)).toEqual([])
    expect(journal.held()).toEqual({ requests: 0, batches: 0, bytes: 0 })
  })

  it('[JR2] what does not fit is not taken, and is unknown', () => {
    const one = open({ requestsMax: 1 }).journal
    expect(one.admit(request('a'))).not.toBeNull()
    expect(one.admit(request('b'))).toBeNull()
    expect(one.find('b')).toBeNull()
    expect(open({ requestBytesMax: 50 }).journal.admit(request('a'))).toBeNull()
    expect(open({ bytesMax: 50 }).journal.admit(request('a'))).toBeNull()
    expect(open().journal.admit(request('x'.repeat(1000)))).toBeNull()
  })

  it('[JR2] tokens past a bound are left out, and none after them is taken', () => {
    const { journal, reopen } = open({ batchTokens: 1, batchesMax: 2 })
    const [other, run] = [journal.admit(request('a'))!, journal.admit(request('b'))!]
    other.token(0, 0, 9)
    for (let i = 0; i < 4; i++) run.token(0, i, 10 + i)
    journal.forget('a') // there is room again, but what was left out is missing
    run.token(0, 4, 14)
    other.token(0, 1, 8)
    expect(journal.held()).toMatchObject({ requests: 1, batches: 1 })
    journal.admit(request('c')) // its write takes the forgotten one away
    const again = reopen().journal.find('b')!
    expect(again.ids).toEqual([[10]])
    again.attach().token(0, 1, 11)
    expect(reopen().journal.find('b')?.ids).toEqual([[10, 11]])
  })

  it('[JR2] tokens count as bytes, too', () => {
    const bytesMax = requestBytes({ request: request('a'), pack: 'p' }) + 16
    const { journal } = open({ bytesMax })
    const run = journal.admit(request('a'))!
    for (let i = 0; i < 4; i++) run.token(0, i, 10 + i)
    expect(journal.find('a')?.ids).toEqual([[10, 11]])
    expect(journal.held().bytes).toBe(bytesMax)
  })

  it('[JR1] [JR2] whatever happens, what is given back is a beginning of what was made, and the books agree with the store', () => {
    const arbEvent = fc.record({
      what: fc.constantFrom('admit', 'token', 'token', 'token', 'detach', 'forget', 'resume', 'reset'),
      who: fc.nat(2),
      ms: fc.nat(200),
    })
    fc.assert(
      fc.property(fc.array(arbEvent, { maxLength: 80 }), fc.integer({ min: 1, max: 6 }), (events, batchTokens) => {
        let opened = open({ batchTokens, batchMs: 150, keepMs: 400, batchesMax: 6 })
        const runs = new Map<string, { run: ReturnType<typeof opened.journal.admit>; at: number }>()
        for (const { what, who, ms } of events) {
          opened.clock.ms += ms
          const id = `r${who}`
          const mine = runs.get(id)
          if (what === 'admit') runs.set(id, { run: opened.journal.admit(request(id)), at: 0 })
          else if (what === 'token') mine?.run?.token(0, mine.at, 100 + mine.at++)
          else if (what === 'detach') mine?.run?.detach()
          else if (what === 'forget') opened.journal.forget(id)
          else if (what === 'reset') {
            opened = opened.reopen()
            runs.clear()
          } else {
            const found = opened.journal.find(id)
            if (found === null) continue
            const [ids] = found.ids
            expect(ids).toEqual(Array.from({ length: ids!.length }, (_, i) => 100 + i))
            runs.set(id, { run: found.attach(), at: 0 })
          }
        }
        const held = opened.journal.held()
        opened.journal.admit(request('last'))
        const listed = opened.store.list().requests
        expect(listed.reduce((sum, { batches }) => sum + batches, 0)).toBe(opened.journal.held().batches)
        expect(listed).toHaveLength(opened.journal.held().requests)
        expect(held.batches).toBeLessThanOrEqual(6 + 3) // a write may bring the last batch of each request
      }),
    )
  })
})
