import { env, evictDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { findKey } from '../../workers/gateway/access/find-key.ts'

const NONE = { requestsPerMin: null, tokensPerMin: null, concurrent: null }

/** Each call has a stub of its own, as in the gateway: one breaks with its first exception. */
const limiter = (name: string) => env.LIMITER.getByName(name)

it('[KY4] of 64 requests that run at once a limit of 10 a minute admits exactly 10', async () => {
  const asked = Array.from({ length: 64 }, () => limiter('rpm').admit({ ...NONE, requestsPerMin: 10 }, { lease: null, tokens: 0 }))
  const kinds = (await Promise.all(asked)).map(({ kind }) => kind)
  expect(kinds.filter((kind) => kind === 'admitted')).toHaveLength(10)
})

it('[KY6] of 64 requests that run at once a limit of 5 under way admits exactly 5', async () => {
  const limits = { ...NONE, concurrent: 5 }
  const kinds = await Promise.all(Array.from({ length: 64 }, async (_, i) => (await limiter('concurrent').admit(limits, { lease: `r${i}`, tokens: 0 })).kind))
  expect(kinds.filter((kind) => kind === 'admitted')).toHaveLength(5)
})

it('[KY4] what was counted and what is under way survive an object that is evicted', async () => {
  const limits = { requestsPerMin: 2, tokensPerMin: 1000, concurrent: 2 }
  await limiter('kept').admit(limits, { lease: 'a', tokens: 600 })
  await evictDurableObject(limiter('kept'))
  expect(await limiter('kept').admit(limits, { lease: 'b', tokens: 500 })).toMatchObject({ kind: 'refused', by: 'tokens' })
  await limiter('kept').settle(limits, 'a', 100)
  await evictDurableObject(limiter('kept'))
  expect(await limiter('kept').admit(limits, { lease: 'b', tokens: 500 })).toMatchObject({ kind: 'admitted', levels: { requests: { remaining: 0 } } })
  expect(await limiter('kept').admit(limits, { lease: 'c', tokens: 1 })).toMatchObject({ kind: 'refused', by: 'requests' })
})

it('[KY5] keys do not count for each other', async () => {
  const limits = { ...NONE, tokensPerMin: 10 }
  expect(await limiter('one').admit(limits, { lease: 'a', tokens: 10 })).toMatchObject({ kind: 'admitted' })
  expect(await limiter('two').admit(limits, { lease: 'a', tokens: 10 })).toMatchObject({ kind: 'admitted' })
})

it('[KY2] finds a key with the comparison of the platform', async () => {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode('imk_a')))
  const known = { name: 'a', digest, limits: { ...NONE, maxTokens: null } }
  const isEqual = (a: Uint8Array, b: Uint8Array) => crypto.subtle.timingSafeEqual(a, b)
  expect(await findKey('imk_a', [known], null, isEqual)).toEqual({ kind: 'api', key: known })
  expect(await findKey('imk_b', [known], digest, isEqual)).toEqual({ kind: 'nobody' })
  expect(await findKey('imk_a', [], digest, isEqual)).toEqual({ kind: 'admin' })
})
