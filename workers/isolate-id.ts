import { toHex } from '../shared/protocol/hex.ts'

let id: string | null = null

/**
 * This isolate's id, hex of 12 random bytes. Made on first use (the platform gives no randomness while a script starts) and kept at
 * module scope: objects that share an isolate share it, so two hosts with one id are one host to the planner.
 */
export function isolateId(): string {
  id ??= toHex(crypto.getRandomValues(new Uint8Array(12)))
  return id
}
