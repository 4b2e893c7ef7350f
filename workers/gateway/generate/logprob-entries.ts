import type { GenerateRequest } from '../../../shared/protocol/engine-api.ts'
import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'

/**
 * Refuses an answer whose log-probabilities could not be held: those of a whole answer wait for its last token, those of an echoed prompt
 * come at once even in a stream. An entry is a token or one of its alternatives. SPEC AP9.
 * @param signal the client's: an engine that loads is not waited for when it has left.
 */
export async function checkLogprobEntries(
  deps: Pick<GatewayDeps, 'contextTokens'>,
  model: LoadedModel,
  request: GenerateRequest,
  streamed: boolean,
  signal: AbortSignal,
): Promise<Result<void, MoeError>> {
  if (boundEntries(request, model.contextTokens, streamed).ok) return ok(undefined)
  const contextTokens = await deps.contextTokens.ready(model, signal) // it may be less than was known: nothing is refused cold that works warm
  return contextTokens.ok ? boundEntries(request, contextTokens.value, streamed) : contextTokens
}

function boundEntries(request: GenerateRequest, contextTokens: number, streamed: boolean): Result<void, MoeError> {
  const { prompts, n, maxTokens, logprobs, echo } = request
  if (logprobs === null) return ok(undefined)
  const heldTokens = prompts.reduce((sum, { length }) => {
    const generated = Math.min(maxTokens ?? contextTokens, contextTokens - length)
    return sum + n * ((echo ? length : 0) + (streamed ? 0 : generated))
  }, 0)
  const entries = heldTokens * (logprobs + 1)
  if (entries <= LIMITS.logprobEntriesMax) return ok(undefined)
  const advice = streamed ? 'ask for fewer prompts, choices or alternatives' : 'ask for fewer tokens, choices or alternatives, or stream the answer'
  const message = `The answer may have ${entries} log-probabilities at once, at most ${LIMITS.logprobEntriesMax} are allowed: ${advice}.`
  return fail('invalid-request', message, { param: 'logprobs', reason: 'invalid_value' })
}
