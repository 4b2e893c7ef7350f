import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { engineInfo } from './engine-call.ts'

/** In the first second, when an engine that only woke up gets ready, and after it. */
const POLL_MS = { first: 25, later: 250 } as const
const FIRST_MS = 1000
/** As long as a request waits for the tokenizer (shared-load.ts). */
const WAIT_MS_MAX = 30_000

/** Positions that a sequence of the model may have here: the model's, or less if the engine's KV budget holds less. */
export interface ContextTokens {
  /** As far as it is known: until the engine is ready the model's own context, which is never less. The engine checks every prompt itself. */
  readonly known: (model: LoadedModel) => Promise<number>
  /**
   * As the engine says, once it is ready: for refusing what it would take. Errors: those of `engineInfo`, `loading` after 30 s.
   * @param signal the client's: when it aborts nobody waits, and `loading` is the answer.
   */
  readonly ready: (model: LoadedModel, signal: AbortSignal) => Promise<Result<number, MoeError>>
}

/**
 * The engine is asked until it is ready, then never again: the number is plain data, and a deployment that changes it replaces the
 * gateway's isolates too.
 */
export function rememberContext(deps: Pick<GatewayDeps, 'engine' | 'log'> & { readonly wait: (ms: number) => Promise<void> }): ContextTokens {
  let remembered: number | null = null

  async function ask(model: LoadedModel): Promise<Result<number, MoeError>> {
    if (remembered !== null) return ok(remembered)
    const info = await engineInfo(deps)
    if (!info.ok) return info
    if (info.value.digest !== model.digest) return ok(model.contextTokens) // the generate call that follows says what is wrong
    remembered = info.value.contextTokens
    return ok(remembered)
  }

  return {
    async known(model) {
      const answer = await ask(model)
      return answer.ok ? answer.value : model.contextTokens
    },
    async ready(model, signal) {
      for (let waitedMs = 0; ;) {
        const answer = await ask(model)
        if (answer.ok || answer.error.code !== 'loading' || waitedMs >= WAIT_MS_MAX || signal.aborted) return answer
        const pollMs = waitedMs < FIRST_MS ? POLL_MS.first : POLL_MS.later
        await deps.wait(pollMs)
        waitedMs += pollMs
        if (signal.aborted) return answer
      }
    },
  }
}
