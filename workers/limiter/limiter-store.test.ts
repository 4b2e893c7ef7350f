import { expect, it } from 'vitest'
import { admit, FRESH_STATE, renew, settle } from './admission.ts'
import { limiterStore } from './limiter-store.ts'
import type { KeyValues } from './limiter-store.ts'

const LIMITED = { requestsPerMin: 10, tokensPerMin: 1000, concurrent: 5 }

/** Storage that says what was written. */
function memory() {
  const values = new Map<string, unknown>()
  const written: string[] = []
  const kv: KeyValues = {
    get: <T>(key: string) => structuredClone(values.get(key)) as T | undefined,
    put(key, value) {
      written.push(key)
      values.set(key, structuredClone(value))
    },
    delete(key) {
      written.push(`-${key}`)
      return values.delete(key)
    },
    list: <T>({ prefix }: { prefix: string }) => [...values].filter(([key]) => key.startsWith(prefix)) as [string, T][],
  }
  return { kv, take: () => written.splice(0) }
}

it('[KY4] reads back what was written, and writes only what differs', () => {
  const { kv, take } = memory()
  const store = limiterStore(kv)
  expect(store.read()).toEqual(FRESH_STATE)
  const first = admit(FRESH_STATE, 1000, LIMITED, { lease: 'a', tokens: 100 }).state
  store.write(FRESH_STATE, first)
  const second = admit(first, 2000, LIMITED, { lease: 'b', tokens: 50 }).state
  store.write(first, second)
  expect(take()).toEqual(['buckets', 'lease/a', 'buckets', 'lease/b'])
  expect(limiterStore(kv).read()).toEqual(second)

  const renewed = renew(second, 3000, 'a')
  store.write(second, renewed)
  expect(take()).toEqual(['lease/a'])
  const settled = settle(renewed, 4000, LIMITED, 'b', 20)
  store.write(renewed, settled)
  expect(take()).toEqual(['buckets', '-lease/b'])
  expect(limiterStore(kv).read()).toEqual(settled)
})
