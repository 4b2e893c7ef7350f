import { echo } from '../../../shared/protocol/echo.ts'
import { moeError } from '../../../shared/protocol/errors.ts'
import type { GatewayDeps } from '../deps.ts'
import { orRefuse, Refusal } from '../http/errors.ts'
import type { LoadedModel } from '../model/loaded-model.ts'

/** The served model, with the context that the engine has for it, as far as that is known. */
export async function readyModel(deps: GatewayDeps): Promise<LoadedModel> {
  const model = orRefuse(await deps.model())
  return { ...model, contextTokens: await deps.contextTokens.known(model) }
}

/** The same, if it is the one that the client names. */
export async function servedModel(deps: GatewayDeps, name: string): Promise<LoadedModel> {
  const model = await readyModel(deps)
  if (model.name === name) return model
  const shown = echo(name)
  throw new Refusal(moeError('unknown-model', `The model '${shown}' does not exist; this server has '${model.name}'.`, { model: shown }))
}
