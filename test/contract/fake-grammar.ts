import type { MoeError } from '../../shared/protocol/errors.ts'
import type { GrammarApi, GrammarSpec } from '../../shared/protocol/grammar-api.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { ok } from '../../shared/protocol/result.ts'
import { grammarText } from '../../workers/grammar/grammar-text.ts'

/** The grammar worker without xgrammar: what it refuses before compiling it refuses here, too. */
export class FakeGrammar implements Pick<GrammarApi, 'check'> {
  /** What was asked about, in order. */
  readonly checked: GrammarSpec[] = []
  /** The answer to every question from here on. */
  failure: MoeError | null = null

  async check(spec: GrammarSpec): Promise<Result<void, MoeError>> {
    this.checked.push(spec)
    if (this.failure) return { ok: false, error: this.failure }
    const text = grammarText(spec)
    return text.ok ? ok(undefined) : text
  }
}
