import type { MoeError } from '../../../shared/protocol/errors.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { engineInfo } from './engine-call.ts'

const POLL_MS = 25
/** 30 s: as long as a request waits for the tokenizer (shared-load.ts). */
const POLLS_MAX = 1200

/** Positions that a sequence of the model may have here: the model's, or less if the engine's KV budget holds less. */
export interface ContextTokens {
  /** As far as it is known: until the engine is ready the model's own context, which is never less. The engine checks every prompt itself. */
  readonly known: (model: LoadedModel) => Promise<number>
  /** As the engine says, once it is ready: for refusing what it would take. Errors: those of `engineInfo`, `loading` after 30 s. */
  readonly ready: (model: LoadedModel) => Promise<Result<number, MoeError>>
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
    async ready(model) {
      for (let polls = 0; ; polls++) {
        const answer = await ask(model)
        if (answer.ok || answer.error.code !== 'loading' || polls === POLLS_MAX) return answer
        await deps.wait(POLL_MS)
      }
    },
  }
}
