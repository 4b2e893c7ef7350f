import type { GatewayDeps } from '../deps.ts'
import type { LoadedModel } from '../model/loaded-model.ts'
import { engineInfo } from './engine-call.ts'

/**
 * Positions that a sequence of the model may have here. The engine is asked until it is ready, then never again: the number is plain data,
 * and a deployment that changes it replaces the gateway's isolates too. Before that it is the model's own context, which is never less;
 * the engine checks every prompt itself.
 */
export function rememberContext(deps: Pick<GatewayDeps, 'engine' | 'log'>): (model: LoadedModel) => Promise<number> {
  let known: number | null = null
  return async (model) => {
    if (known !== null) return known
    const info = await engineInfo(deps)
    if (!info.ok || info.value.digest !== model.digest) return model.contextTokens // the generate call that follows says what is wrong
    known = info.value.contextTokens
    return known
  }
}
