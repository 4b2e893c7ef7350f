import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LIMITS } from './limits.ts'
import { loadRanges } from './range-reader.ts'
import type { RangeLoad, RangeStore } from './range-reader.ts'

/** A store in memory that keeps count of what is asked and how much is in flight. */
function memoryStore(objects: Record<string, Uint8Array>) {
  const asked: { object: string; offset: number; bytes: number }[] = []
  const seen = { inFlight: 0, inFlightMax: 0 }
  const store: RangeStore = {
    async read(object, offset, bytes) {
      asked.push({ object, offset, bytes })
      seen.inFlightMax = Math.max(seen.inFlightMax, ++seen.inFlight)
      await Promise.resolve()
      seen.inFlight--
      return objects[object]?.slice(offset, offset + bytes) ?? null
    },
  }
  return { store, asked, seen }
}

function hasher() {
  const hash = createHash('sha256')
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: async () => hash.digest('hex') }
}

function rangeOf(object: string, bytes: Uint8Array, offset: number, length: number): RangeLoad {
  const part = bytes.subarray(offset, offset + length)
  return { object, offset, bytes: length, sha256: createHash('sha256').update(part).digest('hex'), into: new Uint8Array(length) }
}

function patternBytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255)
}

it('[RE1] fills every range from reads of at most a chunk, few in flight', async () => {
  const size = 3 * LIMITS.chunkBytes + 12345
  const bytes = patternBytes(size)
  const { store, asked, seen } = memoryStore({ a: bytes, b: bytes })
  const loads = [rangeOf('b', bytes, 5, 100), rangeOf('a', bytes, 64, size - 64), rangeOf('b', bytes, 200, 1000)]
  expect(await loadRanges(store, hasher, loads)).toMatchObject({ ok: true })
  for (const load of loads) expect(Buffer.compare(load.into, bytes.subarray(load.offset, load.offset + load.bytes))).toBe(0)
  expect(Math.max(...asked.map((read) => read.bytes))).toBeLessThanOrEqual(LIMITS.chunkBytes)
  expect(seen.inFlightMax).toBeLessThanOrEqual(LIMITS.readsInFlight)
  expect(asked.filter((read) => read.object === 'b')).toHaveLength(1) // neighbours share a read
})

it('[RE1] any set of ranges arrives whole', async () => {
  const bytes = patternBytes(400_000)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(300_000), fc.integer({ min: 1, max: 90_000 })), { minLength: 1, maxLength: 6 }),
      async (cuts) => {
        const { store } = memoryStore({ a: bytes, b: bytes })
        const loads = cuts.map(([object, offset, length]) => rangeOf(object, bytes, offset, length))
        expect(await loadRanges(store, hasher, loads)).toMatchObject({ ok: true })
        for (const load of loads) expect(Buffer.compare(load.into, bytes.subarray(load.offset, load.offset + load.bytes))).toBe(0)
      },
    ),
    { numRuns: 30 },
  )
})

it('[PK4] a range longer than its memory fills it and is verified to its end', async () => {
  const size = 2 * LIMITS.chunkBytes + 1000
  const bytes = patternBytes(size)
  for (const kept of [1, 999, LIMITS.chunkBytes, LIMITS.chunkBytes + 1, size]) {
    const load = { ...rangeOf('a', bytes, 0, size), into: new Uint8Array(kept) }
    expect(await loadRanges(memoryStore({ a: bytes }).store, hasher, [load])).toMatchObject({ ok: true })
    expect(Buffer.compare(load.into, bytes.subarray(0, kept))).toBe(0)
  }
  const broken = bytes.with(size - 1, bytes[size - 1]! ^ 1)
  const load = { ...rangeOf('a', bytes, 0, size), into: new Uint8Array(1) }
  expect(await loadRanges(memoryStore({ a: broken }).store, hasher, [load])).toMatchObject({ ok: false, error: { code: 'weights-corrupt' } })
})

it('[RE2] one wrong byte is weights-corrupt, naming object and range', async () => {
  const bytes = patternBytes(10_000)
  const load = rangeOf('a', bytes, 100, 5000)
  const spoilt = bytes.slice()
  spoilt[3000]! ^= 1
  const { store } = memoryStore({ a: spoilt })
  expect(await loadRanges(store, hasher, [load])).toMatchObject({ ok: false, error: { code: 'weights-corrupt', details: { object: 'a', offset: 100 } } })
})

it('[RE2] a missing object and one that ends early are named', async () => {
  const bytes = patternBytes(10_000)
  const load = rangeOf('a', bytes, 100, 5000)
  expect(await loadRanges(memoryStore({}).store, hasher, [load])).toMatchObject({ ok: false, error: { code: 'weights-missing', details: { object: 'a' } } })
  expect(await loadRanges(memoryStore({ a: bytes.slice(0, 2000) }).store, hasher, [load])).toMatchObject({
    ok: false,
    error: { code: 'weights-corrupt', details: { object: 'a', offset: 2000 } },
  })
})

it('[RE2] a store that throws is storage-unavailable, and no read is left behind', async () => {
  const bytes = patternBytes(6 * LIMITS.chunkBytes)
  const { store, seen } = memoryStore({ a: bytes })
  let reads = 0
  const flaky: RangeStore = {
    async read(object, offset, length) {
      if (++reads === 2) throw new Error('network lost')
      return store.read(object, offset, length)
    },
  }
  expect(await loadRanges(flaky, hasher, [rangeOf('a', bytes, 0, bytes.byteLength)])).toMatchObject({ ok: false, error: { code: 'storage-unavailable' } })
  expect(seen.inFlight).toBe(0)
})
