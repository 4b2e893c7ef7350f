import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { GrammarMask } from '../../shared/protocol/grammar-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { GrammarOpener, OpenGrammar } from '../../workers/engine/grammar-guide.ts'

/** What is wrong with a call: it is late by so much, never answers, rejects, or its session is gone. */
export type GrammarTrouble =
  | { readonly kind: 'late'; readonly ms: number }
  | { readonly kind: 'silent' }
  | { readonly kind: 'broken' }
  | { readonly kind: 'lost' }

export interface FakeGrammarOptions {
  readonly vocab: number
  readonly stopToken: number
  /** Tokens of every text; then only the stop token. */
  readonly tokens: number
  wait(ms: number): Promise<void>
  /** Asked at each call, in order from 0. */
  trouble?(call: number): GrammarTrouble | null
}

/**
 * A grammar worker in this process with a grammar of its own: a token may come if it falls, with the one before it, into one of seven classes out
 * of nine. Sessions know only what they were told, as the real ones do.
 */
export function createFakeGrammar(options: FakeGrammarOptions) {
  const { vocab, stopToken } = options
  const seen = { calls: 0, opens: 0, open: 0 }

  function maskBehind(tokens: readonly number[]): GrammarMask {
    const allowed = new Uint8Array(Math.ceil(vocab / 8))
    const isOver = tokens.length >= options.tokens
    for (let id = 0; id < vocab; id++) {
      const isAllowed = isOver ? id === stopToken : id !== stopToken && allows(tokens, id)
      if (isAllowed) allowed[id >> 3]! |= 1 << (id & 7)
    }
    return { allowed }
  }

  async function suffer(): Promise<MoeError | null> {
    const trouble = options.trouble?.(seen.calls++) ?? null
    if (trouble?.kind === 'late') await options.wait(trouble.ms)
    if (trouble?.kind === 'silent') await new Promise(() => undefined)
    if (trouble?.kind === 'broken') throw new Error('the connection is broken')
    return trouble?.kind === 'lost' ? fail('grammar-unavailable', 'the session has ended', {}).error : null
  }

  const open: GrammarOpener = async (_spec, tokens): Promise<Result<OpenGrammar, MoeError>> => {
    const error = await suffer()
    if (error) return { ok: false, error }
    const told = [...tokens]
    seen.opens++
    seen.open++
    let closed = false
    return ok({
      mask: maskBehind(told),
      async accept(id) {
        const lost = await suffer()
        if (lost) return { ok: false, error: lost }
        if (!allows(told, id)) return fail('internal', `token ${id} is not allowed here`, {})
        told.push(id)
        return ok(maskBehind(told))
      },
      close() {
        if (!closed) seen.open--
        closed = true
      },
    })
  }

  return { open, seen }
}

export function allows(tokens: readonly number[], id: number): boolean {
  return (id * 31 + (tokens.at(-1) ?? 7) * 17 + tokens.length) % 9 < 7
}
