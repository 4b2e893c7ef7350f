import type { MoeError } from '../../shared/protocol/errors.ts'
import { GRAMMAR_OBJECT } from '../../shared/protocol/grammar-api.ts'
import type { GrammarMask } from '../../shared/protocol/grammar-api.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Grammar } from '../grammar/grammar.ts'
import type { GrammarOpener } from './grammar-guide.ts'

/** Sessions with the grammar worker over Durable Object RPC. Disposing of a session's stub ends it there. @param digest of the served pack. */
export function linkGrammar(namespace: DurableObjectNamespace<Grammar>, digest: string): GrammarOpener {
  return async (spec, tokens) => {
    const opened = await namespace.getByName(GRAMMAR_OBJECT).open(digest, spec, tokens)
    if (!opened.ok) return { ok: false, error: opened.error as MoeError }
    const { session, mask } = opened.value
    return ok({
      mask: mask as GrammarMask,
      accept: (id: number) => session.accept(id) as Promise<Result<GrammarMask, MoeError>>,
      close: () => (opened as unknown as Disposable)[Symbol.dispose](),
    })
  }
}
