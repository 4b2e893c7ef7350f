import type { GenerateRequest } from '../../../shared/protocol/engine-api.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { Admitted } from '../access/allowance.ts'
import type { Caller } from '../access/let-in.ts'
import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { mostTokens } from './used-tokens.ts'

/**
 * Reserves the most tokens that a request can use. Until the engine is ready its context may be less than is known, and with it that number:
 * nothing is refused cold that works warm. SPEC KY5.
 */
export async function admitRequest(
  deps: Pick<GatewayDeps, 'contextTokens'>,
  model: LoadedModel,
  request: GenerateRequest,
  { signal, allowance }: Pick<Caller, 'signal' | 'allowance'>,
): Promise<Result<Admitted, MoeError>> {
  const admitted = await allowance.admit(mostTokens(request, model.contextTokens))
  if (admitted.ok || admitted.error.code !== 'invalid-request') return admitted
  const contextTokens = await deps.contextTokens.ready(model, signal)
  if (!contextTokens.ok) return contextTokens
  return contextTokens.value < model.contextTokens ? allowance.admit(mostTokens(request, contextTokens.value)) : admitted
}
