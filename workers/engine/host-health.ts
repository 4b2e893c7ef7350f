/** So long is a host that failed, or that was overtaken by a hedge, left out wherever there is another replica. Then it is tried again. */
export const AVOID_MS = 2000

/**
 * Which hosts to leave out for a while. Without it every layer would begin with the same lost call: with it a sick host costs one call in
 * AVOID_MS. Only a choice among replicas, so never a matter of bits. SPEC FA7.
 */
export function createHostHealth(nowMs: () => number) {
  const avoidedUntil = new Map<string, number>()
  /** Raised when the set changes: tables made from it are stale then. */
  let version = 0

  function avoid(host: string): void {
    if (!avoidedUntil.has(host)) version++
    avoidedUntil.set(host, nowMs() + AVOID_MS)
  }

  /** Lets go of those whose time is over. Cheap where there are none. */
  function refresh(): void {
    if (avoidedUntil.size === 0) return
    const now = nowMs()
    for (const [host, untilMs] of avoidedUntil) {
      if (untilMs > now) continue
      avoidedUntil.delete(host)
      version++
    }
  }

  return { avoid, refresh, avoids: (host: string) => avoidedUntil.has(host), version: () => version }
}
