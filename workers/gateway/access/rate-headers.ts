import type { LimitLevel, LimitLevels } from '../../../shared/protocol/limiter-api.ts'

/** OpenAI's headers for those limits that a key has. */
export function rateHeaders({ requests, tokens }: LimitLevels): Record<string, string> {
  return { ...levelHeaders('requests', requests), ...levelHeaders('tokens', tokens) }
}

/** Which of our headers a browser's page may read beside the usual ones. */
export const EXPOSED_HEADERS: readonly string[] = [
  'x-request-id',
  'retry-after',
  ...['requests', 'tokens'].flatMap((name) => ['limit', 'remaining', 'reset'].map((what) => `x-ratelimit-${what}-${name}`)),
]

function levelHeaders(name: string, level: LimitLevel | null): Record<string, string> {
  if (level === null) return {}
  return {
    [`x-ratelimit-limit-${name}`]: String(level.limit),
    [`x-ratelimit-remaining-${name}`]: String(level.remaining),
    [`x-ratelimit-reset-${name}`]: duration(level.resetMs),
  }
}

/** As OpenAI writes it (Go's form): `20ms`, `7.66s`, `6m0s`. */
function duration(ms: number): string {
  if (ms < 1000) return `${ms}ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds}s`
  return `${Math.floor(seconds / 60)}m${Number((seconds % 60).toFixed(3))}s`
}
