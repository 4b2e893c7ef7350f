import { LIMITS } from '../../../shared/protocol/limits.ts'
import type { KnownKey } from './access-settings.ts'

/** Whether two digests are equal, in a time that does not depend on where they differ. */
export type TimingSafeEqual = (a: Uint8Array, b: Uint8Array) => boolean

/** Whose key a client presents. */
export type KeyOwner = { readonly kind: 'api'; readonly key: KnownKey } | { readonly kind: 'admin' } | { readonly kind: 'nobody' }

/** The key of a request: `authorization: Bearer`, else `x-api-key` (Anthropic's). Null: none, or one that is longer than any key. */
export function presentedKey(headers: Headers): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')
  const key = bearer?.[1] ?? headers.get('x-api-key')?.trim() ?? ''
  return key === '' || key.length > LIMITS.keyChars ? null : key
}

/** Compares the presented key's digest with every known one: the time says neither which it is nor how near it came. */
export async function findKey(presented: string, apiKeys: readonly KnownKey[], adminKey: Uint8Array | null, isEqual: TimingSafeEqual): Promise<KeyOwner> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(presented)))
  let owner: KeyOwner = { kind: 'nobody' }
  for (const key of apiKeys) if (isEqual(key.digest, digest)) owner = { kind: 'api', key }
  if (adminKey !== null && isEqual(adminKey, digest)) owner = { kind: 'admin' }
  return owner
}
