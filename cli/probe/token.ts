import { createHash, randomBytes } from 'node:crypto'

/** A token of 256 random bits for one run, and what the deployment is told of it: its hash only. */
export function newToken(): { readonly token: string; readonly sha256: string } {
  const token = randomBytes(32).toString('hex')
  return { token, sha256: createHash('sha256').update(token).digest('hex') }
}
