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
import type { CompiledGrammar, Matcher, Xgrammar } from './xgrammar.ts'

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
  const cache = createGrammarCache<CompiledGrammar>({ entriesMax: LIMITS.grammarsCompiledMax, charsMax: LIMITS.grammarsCharsMax }, (grammar) =>
    guard(() => grammar.dispose()),
  )
  const sessions = createGrammarSessions(nowMs, isToken, guard)
  let current: Xgrammar | null = null
  let starting: Promise<Xgrammar> | null = null
  let instances = 0

  function isToken(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < vocab
  }

  /** Those who come while one is made share it. */
  async function instance(): Promise<Xgrammar> {
    if (current !== null) return current
    starting ??= create().finally(() => (starting = null))
    const made = await starting
    if (current === null) {
      current = made
      instances++
    }
    return current
  }

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

  async function compiled(spec: GrammarSpec): Promise<Result<CompiledGrammar, MoeError>> {
    const text = grammarText(spec)
    if (!text.ok) return text
    const xgrammar = await instance()
    const key = `${text.value.language} ${text.value.text}`
    const known = cache.find(key)
    if (known !== null) return ok(known)
    const grammar = await compile(xgrammar, text.value, spec)
    if (!grammar.ok) return grammar
    if (cache.find(key) === null) cache.add(key, grammar.value)
    return grammar
  }

  /** Nothing but its size should stop a grammar that was written here. One that does not fit beside others may fit alone, in a new instance; else it is the request's fault. */
  async function compile(xgrammar: Xgrammar, text: GrammarText, { kind }: GrammarSpec): Promise<Result<CompiledGrammar, MoeError>> {
    const first = guard(() => xgrammar.compile(text))
    if (first.ok) return first
    const alone = await instance()
    const grammar = guard(() => alone.compile(text))
    if (grammar.ok) return grammar
    const param = kind === 'structural-tag' ? 'tools' : 'response_format'
    return fail('invalid-request', 'What the answer must match is too large to be enforced.', { param, reason: 'unsupported_parameter' })
  }

  function begin(
    grammar: CompiledGrammar,
    spec: GrammarSpec,
    tokens: readonly number[],
  ): Result<{ readonly matcher: Matcher; readonly mask: GrammarMask } | null, MoeError> {
    return guard(() => {
      const matcher = grammar.match(spec.kind === 'structural-tag' ? spec.special : [])
      if (tokens.every((id) => matcher.accept(id))) return { matcher, mask: { allowed: matcher.allowed() } }
      matcher.dispose()
      return null
    })
  }

  return {
    async check(spec) {
      const grammar = await compiled(spec)
      return grammar.ok ? ok(undefined) : grammar
    },
    async open(spec, tokens) {
      if (!Array.isArray(tokens) || !tokens.every(isToken)) return fail('internal', 'a token is not in the vocabulary', {})
      const grammar = await compiled(spec)
      if (!grammar.ok) return grammar
      const begun = begin(grammar.value, spec, tokens)
      if (!begun.ok) return begun
      if (begun.value === null) return fail('internal', 'the tokens so far are not of the grammar', {})
      const session = sessions.open(begun.value.matcher)
      return session.ok ? ok({ session: session.value, mask: begun.value.mask }) : session
    },
    counts: () => ({ sessions: sessions.size, compiled: cache.size, memoryBytes: current?.memoryBytes() ?? 0, instances }),
  }
}
