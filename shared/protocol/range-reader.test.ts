import fc from 'fast-check'
import { expect, it } from 'vitest'
import { handWoundTimer, settled } from '../../test/fixtures/hand-wound-timer.ts'
import { bytesBody, memoryStore, rangeReader, sha256Hex } from '../../test/fixtures/memory-store.ts'
import { createDeadlines } from './deadlines.ts'
import type { Deadlines } from './deadlines.ts'
import { LIMITS } from './limits.ts'
import { createRangeReader } from './range-reader.ts'
import type { RangeBody, RangeLoad, RangeStore } from './range-reader.ts'
import { ok } from './result.ts'

function rangeOf(object: string, bytes: Uint8Array, offset: number, length: number): RangeLoad {
  const sha256 = sha256Hex(bytes.subarray(offset, offset + length))
  return { object, offset, bytes: length, sha256, into: new Uint8Array(length) }
}

function patternBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + (i >> 8)
  return bytes
}

function expectFilled(loads: readonly RangeLoad[], bytes: Uint8Array): void {
  for (const load of loads) expect(Buffer.compare(load.into, bytes.subarray(load.offset, load.offset + load.bytes))).toBe(0)
}

it('[RE1] fills every range from bounded reads, few under way', async () => {
  const size = 5 * LIMITS.readBytesMax + 12345
  const bytes = patternBytes(size)
  const { store, asked, seen } = memoryStore({ a: bytes, b: bytes })
  const loads = [rangeOf('b', bytes, 5, 100), rangeOf('a', bytes, 64, size - 64), rangeOf('b', bytes, 200, 1000)]
  let counted = 0
  expect(await rangeReader(store).load(loads, (n) => (counted += n))).toMatchObject({ ok: true })
  expectFilled(loads, bytes)
  expect(counted).toBe(size - 64 + 1100)
  expect(Math.max(...asked.map((read) => read.bytes))).toBeLessThanOrEqual(LIMITS.readBytesMax)
  expect(seen.underWayMax).toBe(LIMITS.readsInFlight)
  expect(asked.filter((read) => read.object === 'b')).toHaveLength(1) // neighbours share a read
})

it('[RE1] any sets of ranges asked for at any time arrive whole', async () => {
  const bytes = patternBytes(400_000)
  const arbRange = fc.tuple(fc.constantFrom('a', 'b'), fc.nat(300_000), fc.integer({ min: 1, max: 90_000 }))
  const arbLoad = fc.tuple(fc.boolean(), fc.array(arbRange, { maxLength: 4 }))
  await fc.assert(
    fc.asyncProperty(fc.array(arbLoad, { minLength: 1, maxLength: 4 }), async (asks) => {
      const { store, seen } = memoryStore({ a: bytes, b: bytes })
      const reader = rangeReader(store)
      const loads = asks.map(([, cuts]) => cuts.map(([object, offset, length]) => rangeOf(object, bytes, offset, length)))
      const results = []
      for (const [i, [later]] of asks.entries()) {
        if (later) await settled()
        results.push(reader.load(loads[i]!))
      }
      expect((await Promise.all(results)).every((result) => result.ok)).toBe(true)
      expectFilled(loads.flat(), bytes)
      await settled()
      expect(seen.underWay).toBe(0)
      expect(seen.underWayMax).toBeLessThanOrEqual(LIMITS.readsInFlight)
    }),
    { numRuns: 30 },
  )
})

it('[RE1] a load that comes while others are read joins the queue at once: reads stay under way between loads', async () => {
  const bytes = patternBytes(1000)
  const opened: PromiseWithResolvers<RangeBody>[] = []
  const store: RangeStore = {
    open() {
      const next = Promise.withResolvers<RangeBody>()
      opened.push(next)
      return next.promise
    },
  }
  const reader = rangeReader(store)
  const ask = (object: string) => reader.load([rangeOf(object, bytes, 0, 1000)])
  const loads = ['a', 'b', 'c'].map(ask)
  await settled()
  expect(opened).toHaveLength(3)
  loads.push(...['d', 'e', 'f'].map(ask))
  await settled()
  expect(opened).toHaveLength(LIMITS.readsInFlight)
  opened[2]!.resolve(bytesBody(bytes))
  expect(await loads[2]).toMatchObject({ ok: true }) // nobody waits for the slow one before it
  await settled()
  expect(opened).toHaveLength(LIMITS.readsInFlight + 1)
})

it('[RE2] one wrong byte is weights-corrupt, naming object and range; what shared the read is good', async () => {
  const bytes = patternBytes(10_000)
  const spoilt = bytes.slice()
  spoilt[3000]! ^= 1
  const { store, asked } = memoryStore({ a: spoilt })
  const reader = rangeReader(store)
  const loads = [rangeOf('a', bytes, 0, 100), rangeOf('a', bytes, 100, 5000), rangeOf('a', bytes, 5100, 4000)]
  const results = await Promise.all(loads.map((load) => reader.load([load])))
  expect(results.map((result) => result.ok)).toEqual([true, false, true])
  expect(results[1]).toMatchObject({ error: { code: 'weights-corrupt', details: { object: 'a', offset: 100 } } })
  expect(asked).toHaveLength(1)
})

it('[RE2] a missing object and one that ends early are named', async () => {
  const bytes = patternBytes(10_000)
  const load = rangeOf('a', bytes, 100, 5000)
  expect(await rangeReader(memoryStore({}).store).load([load])).toMatchObject({ ok: false, error: { code: 'weights-missing', details: { object: 'a' } } })
  expect(await rangeReader(memoryStore({ a: bytes.slice(0, 2000) }).store).load([load])).toMatchObject({
    ok: false,
    error: { code: 'weights-corrupt', details: { object: 'a', offset: 2000 } },
  })
})

it('[RE2] a store that throws is storage-unavailable, and no read is left behind', async () => {
  const bytes = patternBytes(3 * LIMITS.readBytesMax)
  const { store, asked, seen } = memoryStore({ a: bytes })
  let reads = 0
  const flaky: RangeStore = {
    async open(object, offset, length) {
      if (++reads === 2) throw new Error('network lost')
      return store.open(object, offset, length)
    },
  }
  expect(await rangeReader(flaky).load([rangeOf('a', bytes, 0, bytes.byteLength)])).toMatchObject({ ok: false, error: { code: 'storage-unavailable' } })
  await settled()
  expect(seen.underWay).toBe(0)
  expect(asked.length).toBe(LIMITS.readsInFlight - 1)
})

it('[RE2] bytes that cannot be verified end their own load with an error, and later loads go on', async () => {
  const bytes = patternBytes(10_000)
  const { store } = memoryStore({ a: bytes })
  let stops = 0
  const deadlines: Deadlines = { within: async (call) => ok(await call), stop: () => void stops++ }
  const faults = new Set([100, 7000])
  const reader = createRangeReader({
    store,
    deadlines,
    sha256Hex: async (into) => {
      if (faults.has(into.byteLength)) throw new Error('no digest')
      return sha256Hex(into)
    },
  })
  const of = (offset: number, length: number) => rangeOf('a', bytes, offset, length)
  const loads = [[of(0, 100), of(100, 50)], [of(150, 60)], [of(1000, 7000)]]
  const results = await Promise.all(loads.map((load) => reader.load(load)))
  expect(results).toMatchObject([{ ok: false, error: { code: 'internal' } }, { ok: true }, { ok: false, error: { code: 'internal' } }])
  faults.clear()
  for (let i = 0; i < 2 * LIMITS.readsInFlight; i++) expect(await reader.load(loads[0]!)).toMatchObject({ ok: true }) // no reader was lost
  await settled()
  expect(stops).toBeGreaterThan(0) // all readers ended
})

it('[RE2] a read whose body cannot be cancelled is storage-unavailable, and its load ends', async () => {
  const bytes = patternBytes(1000)
  const stubborn: RangeStore = {
    open: async () => ({
      next: () => Promise.reject(new Error('network lost')),
      cancel() {
        throw new Error('locked')
      },
    }),
  }
  expect(await rangeReader(stubborn).load([rangeOf('a', bytes, 0, 1000)])).toMatchObject({ ok: false, error: { code: 'storage-unavailable' } })
})

it('[RE7] a read that stays silent is given up, later loads go on, and no timer stays', async () => {
  const bytes = patternBytes(1000)
  const timer = handWoundTimer()
  const { store } = memoryStore({ good: bytes })
  const cancelled: string[] = []
  const silent: RangeStore = {
    async open(object, offset, length) {
      if (object.startsWith('never opens')) return new Promise(() => undefined)
      if (object.startsWith('never gives')) return { next: () => new Promise(() => undefined), cancel: () => void cancelled.push(object) }
      return store.open(object, offset, length)
    },
  }
  const reader = rangeReader(silent, createDeadlines(timer.set, { tickMs: 5000, ticks: 4 }))
  const ask = (object: string) => reader.load([rangeOf(object, bytes, 0, 1000)])
  const stuck = ['never opens', 'never opens either', 'never gives', 'never gives either'].map(ask)
  await settled()
  const later = ask('good')
  for (let ticks = 0; ticks < 5; ticks++) {
    expect(timer.pending()).toBe(1)
    await timer.pass()
  }
  for (const result of await Promise.all(stuck)) expect(result).toMatchObject({ ok: false, error: { code: 'storage-unavailable', retryable: true } })
  expect(await later).toMatchObject({ ok: true })
  await settled()
  expect(timer.pending()).toBe(0)
  expect(cancelled).toEqual(['never gives', 'never gives either'])
})

it('[RE7] a read that is slow but gives bytes is not given up', async () => {
  const bytes = patternBytes(40)
  const timer = handWoundTimer()
  let at = 0
  const slow: RangeStore = {
    open: async () => ({
      async next() {
        if (at === bytes.byteLength) return null
        await timer.pass()
        return bytes.subarray(at, (at += 4))
      },
      cancel: () => undefined,
    }),
  }
  const reader = rangeReader(slow, createDeadlines(timer.set, { tickMs: 5000, ticks: 4 }))
  expect(await reader.load([rangeOf('a', bytes, 0, 40)])).toMatchObject({ ok: true })
})
