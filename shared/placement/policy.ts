/** When and how far the autoscaler goes. Changed over POST /admin/policy, kept in its SQLite. */
export interface Policy {
  /** Off: only manual plans and lost hosts. */
  readonly enabled: boolean
  /** Span of a load report, and of the alarm while there is traffic. */
  readonly windowMs: number
  /** Load is smoothed over so many windows (exponentially). */
  readonly smoothingWindows: number
  /** Least predicted gain of a copy, as a share of its layer's time. */
  readonly gainMin: number
  /** A copy stays so long at least. */
  readonly stayMs: number
  readonly movesMax: number
  readonly moveBytesMax: number
  /** Extra copies of a layer. */
  readonly copiesMax: number
  /** A host or engine that was silent so long is lost. */
  readonly leaseMs: number
  /** How long a drain waits for an engine. */
  readonly drainMs: number
  /** Where copies come from; `auto` takes what was measured faster. */
  readonly source: 'auto' | 'storage' | 'peer'
  /** Whether cold hosts may be woken. */
  readonly standby: boolean
}

export const POLICY_DEFAULT: Policy = {
  enabled: true,
  windowMs: 2000,
  smoothingWindows: 4,
  gainMin: 0.02,
  stayMs: 30_000,
  movesMax: 32,
  moveBytesMax: 256 * 1024 * 1024,
  copiesMax: 16,
  leaseMs: 10_000,
  drainMs: 10_000,
  source: 'auto',
  standby: true,
}
