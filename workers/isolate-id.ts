let id: string | null = null

/**
 * This isolate's id, hex of 12 random bytes. Made on first use (the platform gives no randomness while a script starts) and kept at
 * module scope: objects that share an isolate share it, so two hosts with one id are one host to the planner.
 */
export function isolateId(): string {
  id ??= Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return id
}
