import { createDeadlines } from '../../shared/protocol/deadlines.ts'
import type { Within } from '../../shared/protocol/deadlines.ts'

export type { Within }

const TICK_MS = 1000
const CALL_TICKS = 10
/** Of one attempt: docs/design/limits.md. */
export const CALL_DEADLINE_MS = TICK_MS * CALL_TICKS

/** Deadlines of host calls. Their timer is never taken back: the next call is microseconds away, and setting one costs as much. SPEC WI5. */
export function createCallDeadlines(wait: (ms: number) => Promise<void>): Within {
  const setTimer = (ms: number, fire: () => void) => {
    void wait(ms).then(fire)
    return () => undefined
  }
  return createDeadlines(setTimer, { tickMs: TICK_MS, ticks: CALL_TICKS }).within
}
