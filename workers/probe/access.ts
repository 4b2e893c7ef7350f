import { toHex } from '../../shared/protocol/hex.ts'

/** Whether a request carries the token whose sha256 the deployment has. Hashes are compared, in constant time: nothing of the token shows in how long that takes. */
export async function hasToken(request: Request, tokenSha256: string): Promise<boolean> {
  const token = /^Bearer ([0-9a-f]{64})$/.exec(request.headers.get('authorization') ?? '')?.[1]
  if (token === undefined || !/^[0-9a-f]{64}$/.test(tokenSha256)) return false
  const encoder = new TextEncoder()
  const digest = toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(token))))
  return crypto.subtle.timingSafeEqual(encoder.encode(digest), encoder.encode(tokenSha256))
}
