import type { ModelInfo } from '../../../shared/protocol/engine-api.ts'
import { fail, moeError } from '../../../shared/protocol/errors.ts'
import type { GrammarSpec } from '../../../shared/protocol/grammar-api.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'

const OVERLOADED_RETRY_S = 1

/** Calls the engine. What it throws is the platform's: the object was reset, is overloaded, or cannot be reached. */
export async function callEngine<T>(deps: Pick<GatewayDeps, 'log'>, call: () => Promise<T>): Promise<Result<T, MoeError>> {
  try {
    return ok(await call())
  } catch (error) {
    deps.log('a call of the engine failed', error)
    return err(engineError(error))
  }
}

/** Calls the autoscaler: its own refusal, or that it cannot be reached. */
export async function callAutoscaler<T>(deps: Pick<GatewayDeps, 'log'>, call: () => Promise<Result<T, MoeError>>): Promise<Result<T, MoeError>> {
  try {
    return await call()
  } catch (error) {
    deps.log('a call of the autoscaler failed', error)
    return err(moeError('host-unavailable', 'The autoscaler cannot be reached.', { host: 'autoscaler' }))
  }
}

/** Asks the grammar worker whether it can hold an answer to this: its own refusal, or that it cannot be reached. */
export async function checkGrammar(deps: Pick<GatewayDeps, 'grammar' | 'log'>, spec: GrammarSpec): Promise<Result<void, MoeError>> {
  try {
    return await deps.grammar.check(spec)
  } catch (error) {
    deps.log('a call of the grammar worker failed', error)
    return err(moeError('grammar-unavailable', 'The grammar worker cannot be reached.', {}))
  }
}

/** What the engine serves, once it is ready; until then `loading`, or what made it fail. */
export async function engineInfo(deps: Pick<GatewayDeps, 'engine' | 'log'>): Promise<Result<ModelInfo, MoeError>> {
  const answer = await callEngine(deps, () => deps.engine.status())
  if (!answer.ok) return answer
  const status = answer.value
  switch (status.state) {
    case 'ready':
      return ok(status.info)
    case 'failed':
      return err(status.error)
    case 'loading':
      return fail('loading', `The model is loading: ${status.bytesRead} of ${status.bytesTotal} bytes.`, { state: status.state })
  }
}

/** The platform marks errors with properties; classes do not survive RPC. */
function engineError(error: unknown): MoeError {
  const overloaded = typeof error === 'object' && error !== null && 'overloaded' in error && error.overloaded === true
  return overloaded
    ? moeError('overloaded', 'The engine has more requests than it can take.', { retryAfterS: OVERLOADED_RETRY_S })
    : moeError('host-unavailable', 'The engine cannot be reached.', { host: 'engine' })
}
