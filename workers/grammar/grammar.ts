import { DurableObject, RpcTarget } from 'cloudflare:workers'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { GrammarApi, GrammarMask, GrammarSession, GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import factory from '../../wasm/build/xgrammar.js'
import module from '../../wasm/build/xgrammar.wasm'
import type { GrammarEnv } from './env.ts'
import { createGrammarService } from './grammar-service.ts'
import type { GrammarService } from './grammar-service.ts'
import type { ServedSession } from './grammar-sessions.ts'
import { loadVocabulary } from './load-vocabulary.ts'
import { createXgrammar } from './xgrammar.ts'

interface Served {
  readonly digest: string
  readonly grammars: GrammarService
}

/** Vocabulary and compiled grammars outlive an evicted object: it is the isolate that has the memory. */
let warm: Served | null = null

/** The grammar worker: what tokens may come next. The object wires; grammar-service.ts decides. */
export class Grammar extends DurableObject<GrammarEnv> implements GrammarApi {
  /** On the object, not at module scope: a promise dies with the object that made it. */
  private starting: Promise<Result<Served, MoeError>> | null = null

  async check(spec: GrammarSpec): Promise<Result<void, MoeError>> {
    const served = await this.start()
    return served.ok ? served.value.grammars.check(spec) : served
  }

  async open(
    digest: string,
    spec: GrammarSpec,
    tokens: readonly number[],
  ): Promise<Result<{ readonly session: Session; readonly mask: GrammarMask }, MoeError>> {
    const served = await this.start()
    if (!served.ok) return served
    if (served.value.digest !== digest) return fail('hello-mismatch', 'another pack is served', { field: 'digest', want: served.value.digest, got: digest })
    const opened = await served.value.grammars.open(spec, tokens)
    return opened.ok ? ok({ session: new Session(opened.value.session), mask: opened.value.mask }) : opened
  }

  /** For operators and tests. */
  async counts(): Promise<ReturnType<GrammarService['counts']> | null> {
    return warm?.grammars.counts() ?? null
  }

  private start(): Promise<Result<Served, MoeError>> {
    if (warm !== null) return Promise.resolve(ok(warm))
    this.starting ??= this.load().finally(() => (this.starting = null))
    return this.starting
  }

  private async load(): Promise<Result<Served, MoeError>> {
    const loaded = await loadVocabulary(this.env.BUCKET, this.env.MODEL_PREFIX)
    if (!loaded.ok) return loaded
    const { vocabulary, stopTokens, digest } = loaded.value
    const grammars = createGrammarService({
      create: () => createXgrammar({ factory, module, memoryBytesMax: LIMITS.grammarMemoryBytes }, vocabulary, stopTokens),
      vocab: vocabulary.size,
      nowMs: Date.now,
      onFault: (error) => console.error('grammar: an instance failed', error),
    })
    return ok((warm = { digest, grammars }))
  }
}

/** Only an RpcTarget has methods across isolates. The platform disposes of it when its last stub is gone. */
class Session extends RpcTarget implements GrammarSession {
  // Not TypeScript's private: an RPC caller sees that.
  readonly #session: ServedSession

  constructor(session: ServedSession) {
    super()
    this.#session = session
  }

  async accept(id: number): Promise<Result<GrammarMask, MoeError>> {
    return this.#session.accept(id)
  }

  [Symbol.dispose](): void {
    this.#session.close()
  }
}

export default {
  /** It is reached over RPC only. */
  fetch: () => new Response('grammars have no HTTP interface\n', { status: 404 }),
} satisfies ExportedHandler<GrammarEnv>
