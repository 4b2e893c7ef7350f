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

/** Calm under steady traffic, a shift followed within a few windows: docs/design/planner.md has what else was measured. */
export const POLICY_DEFAULT: Policy = {
  enabled: true,
  windowMs: 2000,
  smoothingWindows: 12,
  gainMin: 0.05,
  stayMs: 30_000,
  movesMax: 16,
  moveBytesMax: 256 * 1024 * 1024,
  copiesMax: 16,
  leaseMs: 10_000,
  drainMs: 10_000,
  source: 'auto',
  standby: true,
}

/**
 * The one policy of all replays of recorded traces. Copies cost nothing there up to a bound a layer, so a small gain is enough, and a window is 2048 tokens, not 2 s,
 * so no stay is needed to keep copies from going with every pause. Measured (npm run bench -- plan), mean max/mean and moves a window in file order | interleaved |
 * moves a window on a stationary trace after 10 windows:
 *
 *   windows  gainMin   file          interleaved   stationary
 *         8    0.002   1.073    6    1.0055   3    0
 *         8    0.004   1.069    8    1.0036   4    0.03      this one
 *         8    0.006   1.067   11    1.0059   6    0.5
 *        16    0.002   1.078    3    1.0089   1    0
 *        16    0.004   1.072    4    1.0037   2    0.1
 *        16    0.02    1.228    5    1.0663   3    0.3
 *
 * pinned_history of the golden replay, with the same bytes: 1.073 with 193 moves, 1.003 with 122.
 */
export const REPLAY_POLICY: Policy = { ...POLICY_DEFAULT, smoothingWindows: 8, gainMin: 0.004, stayMs: 0, movesMax: 32 }

/** What each number may be; `whole`: no fractions. The gateway's schema and the autoscaler's own check both read it. */
export const POLICY_BOUNDS = {
  windowMs: { min: 100, max: 60_000, whole: true },
  smoothingWindows: { min: 1, max: 1000, whole: true },
  gainMin: { min: 0, max: 1, whole: false },
  stayMs: { min: 0, max: 86_400_000, whole: true },
  movesMax: { min: 0, max: 4096, whole: true },
  moveBytesMax: { min: 0, max: 2 ** 40, whole: true },
  copiesMax: { min: 0, max: 4096, whole: true },
  leaseMs: { min: 500, max: 600_000, whole: true },
  drainMs: { min: 0, max: 120_000, whole: true },
} as const satisfies Partial<Record<keyof Policy, { readonly min: number; readonly max: number; readonly whole: boolean }>>

export const POLICY_SOURCES = ['auto', 'storage', 'peer'] as const satisfies readonly Policy['source'][]

/** What is wrong with a change of the policy, or null. Fields that nobody defines are wrong. */
export function checkPolicyChange(
  change: Readonly<Record<string, unknown>>,
): { readonly field: string; readonly unknown: boolean; readonly message: string } | null {
  for (const [field, value] of Object.entries(change)) {
    if (!Object.hasOwn(POLICY_DEFAULT, field)) return { field, unknown: true, message: 'is not a field of the policy' }
    const message = fieldFault(field as keyof Policy, value)
    if (message !== null) return { field, unknown: false, message }
  }
  return null
}

function fieldFault(field: keyof Policy, value: unknown): string | null {
  if (field === 'enabled' || field === 'standby') return typeof value === 'boolean' ? null : 'must be true or false'
  if (field === 'source') return POLICY_SOURCES.some((source) => source === value) ? null : `must be one of ${POLICY_SOURCES.join(', ')}`
  const { min, max, whole } = POLICY_BOUNDS[field]
  const fits = typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))
  return fits ? null : `must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}`
}
