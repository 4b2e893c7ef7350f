import type { GenerateRequest, Received } from '../../shared/protocol/engine-api.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import { maxNewTokens } from './sequence.ts'

export interface Resumption {
  /** Of each choice the tokens that are read instead of generated; null where it is over. */
  readonly known: readonly (readonly number[] | null)[]
  /** Of each choice the events that it will make again and that its reader has. */
  readonly skip: readonly number[]
}

/**
 * What is computed anew of a request. Only tokens that the journal and the reader both have are taken as known: what the reader lacks is generated,
 * so that it comes with its log-probabilities, and what the journal lacks is generated without being told. Both give what the first stream had. SPEC JR3, JR4.
 * @param ids the journal's tokens of each choice.
 */
export function planResumption(
  request: GenerateRequest,
  ids: readonly (readonly number[])[],
  have: Received,
  contextTokens: number,
): Result<Resumption, MoeError> {
  const valid = Array.isArray(have) && have.length === ids.length && have.every((count) => count === null || (Number.isSafeInteger(count) && count >= 0))
  if (!valid) return fail('invalid-request', `have is not a count for each of ${ids.length} choices`, { param: 'have', reason: 'invalid_value' })
  const headEvents = request.echo && request.logprobs !== null ? 2 : 1 // `prefilled`, `prompt`
  const known = have.map((count, index) => {
    if (count === null) return null
    const maxNew = maxNewTokens(request, request.prompts[Math.floor(index / request.n)]!, contextTokens)
    const both = Math.min(ids[index]!.length, count - headEvents, maxNew - 1) // the last token's step makes the finish, too
    return ids[index]!.slice(0, Math.max(0, both))
  })
  const skip = have.map((count, index) => {
    const knownTokens = known[index]?.length ?? 0
    return (count ?? 0) - (knownTokens > 0 ? headEvents + knownTokens : 0)
  })
  return ok({ known, skip })
}
