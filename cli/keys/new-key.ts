import { createHash, randomBytes } from 'node:crypto'

const KEY_BYTES = 32

/** A key that was made now, and what the server may know of it. */
export interface NewKey {
  readonly key: string
  readonly sha256: string
}

/** 256 random bits as base64url. The prefix says what it is, to people and to scanners that look for leaked keys. */
export function newKey(prefix: 'imk_' | 'ima_'): NewKey {
  const key = prefix + randomBytes(KEY_BYTES).toString('base64url')
  return { key, sha256: createHash('sha256').update(key).digest('hex') }
}
