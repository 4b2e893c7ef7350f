import type { Within } from '../../shared/protocol/deadlines.ts'
import { fail, moeError } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { GrammarMask, GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'

/** A session with the grammar worker. Its calls may reject: whatever is between here and there may break. */
export interface OpenGrammar {
  readonly mask: GrammarMask
  accept(id: number): Promise<Result<GrammarMask, MoeError>>
  /** Frees what the worker keeps for it. Never throws. */
  close(): void
}

/** Opens a session behind the tokens of a continuation. */
export type GrammarOpener = (spec: GrammarSpec, tokens: readonly number[]) => Promise<Result<OpenGrammar, MoeError>>

export interface GuideDeps {
  readonly open: GrammarOpener
  readonly within: Within
  wait(ms: number): Promise<void>
  /** Ids of the model. */
  readonly vocab: number
}

/** The tokens of a sequence: the prompt, then the continuation. */
export interface GuidedText {
  readonly tokens: readonly number[]
  readonly promptLength: number
}

/** What a sequence may say next, as its grammar has it. */
export interface GrammarGuide {
  /** For the token behind those that were told of; null while it is on its way. */
  readonly mask: Uint8Array | null
  /** Set once: no mask will come any more. */
  readonly error: MoeError | null
  /** The sequence has one more token. */
  follow(): void
  /** The sequence is over. */
  close(): void
}

/** Calls in vain, in a row, until a request is given up; and the waits between them. A worker that was reset is back at once. */
const BACKOFF_MS = [0, 50, 250, 1000, 2000] as const

/**
 * Follows one sequence through its grammar. A session that is lost is opened again from the tokens so far: they are all that it ever was, so
 * the masks are the same. SPEC GR6, GR7.
 * @param text what the sequence has: its tokens only grow.
 * @param onChange a mask has come, or the error.
 */
export function createGrammarGuide(spec: GrammarSpec, text: GuidedText, deps: GuideDeps, onChange: () => void): GrammarGuide {
  let session: OpenGrammar | null = null
  let mask: Uint8Array | null = null
  let error: MoeError | null = null
  let closed = false

  async function fetchMask(): Promise<void> {
    let last: MoeError = moeError('grammar-unavailable', 'no mask was asked for', {})
    for (const waitMs of BACKOFF_MS) {
      if (waitMs > 0) await deps.wait(waitMs)
      if (closed) return
      const answer = await ask()
      if (closed) return drop()
      if (answer.ok) {
        const checked = checkMask(answer.value, deps.vocab)
        if (checked.ok) mask = checked.value
        else error = checked.error
        return onChange()
      }
      drop()
      last = answer.error
      if (!last.retryable) break
    }
    error = last.retryable ? moeError('grammar-unavailable', `the grammar worker does not answer: ${last.message}`, {}) : last
    onChange()
  }

  /** The mask behind all tokens. */
  async function ask(): Promise<Result<GrammarMask, MoeError>> {
    try {
      if (session === null) return await openSession()
      const answer = await deps.within(session.accept(text.tokens.at(-1)!))
      return answer.ok ? answer.value : late()
    } catch (broken) {
      return fail('grammar-unavailable', String(broken), {})
    }
  }

  async function openSession(): Promise<Result<GrammarMask, MoeError>> {
    const opening = deps.open(spec, text.tokens.slice(text.promptLength))
    const opened = await deps.within(opening)
    if (!opened.ok) {
      const forget = (): void => undefined // it failed after nobody waited any more
      opening.then((result) => result.ok && result.value.close(), forget)
      return late()
    }
    if (!opened.value.ok) return opened.value
    session = opened.value.value
    return ok(session.mask)
  }

  function drop(): void {
    session?.close()
    session = null
  }

  void fetchMask()
  return {
    get mask() {
      return mask
    },
    get error() {
      return error
    },
    follow() {
      mask = null
      void fetchMask()
    },
    close() {
      closed = true
      drop()
    },
  }
}

function late(): Result<GrammarMask, MoeError> {
  return fail('grammar-unavailable', 'it is late', {})
}

/** It comes from another isolate. A mask that allows nothing is of a grammar that the vocabulary cannot write. */
function checkMask({ allowed }: GrammarMask, vocab: number): Result<Uint8Array, MoeError> {
  if (!(allowed instanceof Uint8Array) || allowed.length * 8 < vocab)
    return fail('grammar-unavailable', 'the grammar worker gave no mask of this vocabulary', {})
  if (allowed.some((bits) => bits !== 0)) return ok(allowed)
  return fail('invalid-request', 'no token of the vocabulary continues what the response format asks for', {
    param: 'response_format',
    reason: 'invalid_value',
  })
}
