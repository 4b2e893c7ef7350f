import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { GrammarMask } from '../../shared/protocol/grammar-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Matcher } from './xgrammar.ts'

/** One way through a grammar that somebody follows. */
export interface ServedSession {
  accept(id: number): Result<GrammarMask, MoeError>
  close(): void
}

export interface GrammarSessions {
  /** Errors: `overloaded` when all places are taken by sessions that are in use. */
  open(matcher: Matcher): Result<ServedSession, MoeError>
  /** Whatever they hold is gone with the instance. */
  forget(): void
  readonly size: number
}

/**
 * Sessions, at most `grammarSessionsMax`. One that was not used for `grammarIdleMs` ends when somebody else comes: an engine that is gone
 * leaves nothing, and one that comes back late opens its session again.
 * @param isToken an id that xgrammar knows: at others it fails as a whole.
 * @param guard runs what touches the instance.
 */
export function createGrammarSessions(
  nowMs: () => number,
  isToken: (id: number) => boolean,
  guard: <T>(work: () => T) => Result<T, MoeError>,
): GrammarSessions {
  const usedMs = new Map<ServedSession, number>()

  function endIdle(): void {
    for (const [session, atMs] of usedMs) if (nowMs() - atMs >= LIMITS.grammarIdleMs) session.close()
  }

  function open(matcher: Matcher): Result<ServedSession, MoeError> {
    endIdle()
    if (usedMs.size >= LIMITS.grammarSessionsMax) {
      matcher.dispose()
      return fail('overloaded', `${usedMs.size} sequences follow grammars already`, { retryAfterS: 1 })
    }
    const session: ServedSession = {
      accept(id) {
        if (!usedMs.has(session)) return fail('grammar-unavailable', 'the session has ended', {})
        usedMs.set(session, nowMs())
        const answer = guard((): GrammarMask | null => (isToken(id) && matcher.accept(id) ? { allowed: matcher.allowed() } : null))
        if (!answer.ok) return answer
        return answer.value === null ? fail('internal', `token ${id} is not allowed here`, {}) : ok(answer.value)
      },
      close() {
        if (usedMs.delete(session)) matcher.dispose()
      },
    }
    usedMs.set(session, nowMs())
    return ok(session)
  }

  return {
    open,
    forget: () => usedMs.clear(),
    get size() {
      return usedMs.size
    },
  }
}
