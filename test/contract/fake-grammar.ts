import type { MoeError } from '../../shared/protocol/errors.ts'
import type { GrammarApi, GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import { err, ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'

/** A grammar worker that compiles nothing: it takes every grammar, or refuses as it was told. */
export class FakeGrammar implements Pick<GrammarApi, 'check'> {
  /** As they came in. */
  readonly checked: GrammarSpec[] = []
  failure: MoeError | null = null

  async check(spec: GrammarSpec): Promise<Result<void, MoeError>> {
    this.checked.push(spec)
    return this.failure === null ? ok(undefined) : err(this.failure)
  }
}
