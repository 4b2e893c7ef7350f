import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { GrammarMask, GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { createGrammarCache } from './grammar-cache.ts'
import { createGrammarSessions } from './grammar-sessions.ts'
import type { ServedSession } from './grammar-sessions.ts'
import { grammarText } from './grammar-text.ts'
import type { GrammarText } from './grammar-text.ts'
import type { CompiledGrammar, Xgrammar } from './xgrammar.ts'

/** In the instance that there is, and in a new one. */
const COMPILE_ATTEMPTS = 2

export interface GrammarServiceDeps {
  /** A new instance of xgrammar for the served vocabulary. */
  create(): Promise<Xgrammar>
  /** Ids of the model. */
  readonly vocab: number
  nowMs(): number
  /** An instance has failed; another one takes its place. */
  onFault(error: unknown): void
}

export interface GrammarService {
  check(spec: GrammarSpec): Promise<Result<void, MoeError>>
  open(spec: GrammarSpec, tokens: readonly number[]): Promise<Result<{ readonly session: ServedSession; readonly mask: GrammarMask }, MoeError>>
  counts(): { readonly sessions: number; readonly compiled: number; readonly memoryBytes: number; readonly instances: number }
}

/**
 * Grammars of one vocabulary: compiled once, followed by many. Whatever throws in xgrammar spoils its instance (xgrammar.ts), so the instance is
 * let go with all that it held; the next call makes another one, and sessions that were lost are opened again by those who follow them.
 * SPEC GR3, GR4, GR9.
 */
export function createGrammarService({ create, vocab, nowMs, onFault }: GrammarServiceDeps): GrammarService {
  const bounds = { entriesMax: LIMITS.grammarsCompiledMax, charsMax: LIMITS.grammarsCharsMax }
  const cache = createGrammarCache<CompiledGrammar>(bounds, (grammar) => grammar.dispose())
  const sessions = createGrammarSessions(nowMs, isToken, guard)
  let current: Xgrammar | null = null
  let starting: Promise<void> | null = null
  let instances = 0

  function isToken(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < vocab
  }

  /** Those who come while one is made share it. */
  function start(): Promise<void> {
    starting ??= create()
      .then((made) => {
        current = made
        instances++
      })
      .finally(() => (starting = null))
    return starting
  }

  /** Runs what touches the instance, in one go: what is of another instance is never at hand. */
  function guard<T>(work: () => T): Result<T, MoeError> {
    try {
      return ok(work())
    } catch (error) {
      onFault(error)
      current = null
      cache.clear()
      sessions.forget()
      return fail('grammar-unavailable', 'the grammar engine failed and was started again', {})
    }
  }

  /**
   * Nothing but its size should stop a grammar that was written here. One that does not fit beside others may fit in a new instance; else it is the
   * request's fault.
   * @param work with the grammar, at once: whoever has to wait may find its instance gone.
   */
  async function withGrammar<T>(spec: GrammarSpec, work: (grammar: CompiledGrammar) => T): Promise<Result<T, MoeError>> {
    const text = grammarText(spec)
    if (!text.ok) return text
    for (let attempt = 0; attempt < COMPILE_ATTEMPTS; attempt++) {
      while (current === null) await start() // another may have failed before it is this one's turn
      const xgrammar: Xgrammar = current
      const grammar = guard(() => compiled(xgrammar, text.value))
      if (grammar.ok) return guard(() => work(grammar.value))
    }
    const param = spec.kind === 'structural-tag' ? 'tools' : 'response_format'
    return fail('invalid-request', 'What the answer must match is too large to be enforced.', { param, reason: 'unsupported_parameter' })
  }

  function compiled(xgrammar: Xgrammar, text: GrammarText): CompiledGrammar {
    const key = `${text.language} ${text.text}`
    const known = cache.find(key)
    if (known !== null) return known
    const grammar = xgrammar.compile(text)
    cache.add(key, grammar)
    return grammar
  }

  return {
    check: (spec) => withGrammar(spec, () => undefined),
    async open(spec, tokens) {
      if (!Array.isArray(tokens) || !tokens.every(isToken)) return fail('internal', 'a token is not in the vocabulary', {})
      const opened = await withGrammar(spec, (grammar) => {
        const matcher = grammar.match(spec.kind === 'structural-tag' ? spec.special : [])
        if (!tokens.every((id) => matcher.accept(id))) {
          matcher.dispose()
          return fail('internal', 'the tokens so far are not of the grammar', {})
        }
        const mask = { allowed: matcher.allowed() }
        const session = sessions.open(matcher)
        return session.ok ? ok({ session: session.value, mask }) : session
      })
      return opened.ok ? opened.value : opened
    },
    counts: () => ({ sessions: sessions.size, compiled: cache.size, memoryBytes: current?.memoryBytes() ?? 0, instances }),
  }
}
