import type { Admission, LimitLevel } from '../../../shared/protocol/limiter-api.ts'

export type Refused = Extract<Admission, { kind: 'refused' }>

/** Keys that have no request left, as the limiter said last. */
export interface SpentKeys {
  note(keyName: string, refused: Refused): void
  /** The refusal that a request would meet now; null where the limiter must be asked. */
  find(keyName: string): Refused | null
}

interface Spent {
  readonly atMs: number
  readonly retryAfterMs: number
  readonly requests: LimitLevel
}

/**
 * An isolate's own memory, one entry a key of its list. Nothing but time gives requests back, so until then each request would be refused
 * for certain, and need not be read, rendered or encoded first. Of tokens and slots that is not known: requests that end free them. SPEC KY4.
 */
export function rememberSpent(nowMs: () => number): SpentKeys {
  const spent = new Map<string, Spent>()
  return {
    note(keyName, { by, retryAfterMs, levels: { requests } }) {
      if (by === 'requests' && requests !== null) spent.set(keyName, { atMs: nowMs(), retryAfterMs, requests })
    },
    find(keyName) {
      const last = spent.get(keyName)
      if (last === undefined) return null
      const passedMs = nowMs() - last.atMs
      if (passedMs < 0 || passedMs >= last.retryAfterMs) return null // the limiter knows better than a clock that went back
      const requests = { ...last.requests, resetMs: last.requests.resetMs - passedMs }
      return { kind: 'refused', by: 'requests', retryAfterMs: last.retryAfterMs - passedMs, levels: { requests, tokens: null } }
    },
  }
}
