import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'

/**
 * Calls the limiter, and once more where the call broke: an object that was reset or moved answers the next one. What has a lease may be
 * repeated, it is admitted and settled once; a request without one may count twice where only the answer was lost, never not at all.
 * A call that is late is not repeated; what it admits then ends with its lease.
 */
export async function callLimiter<T>(deps: Pick<GatewayDeps, 'setTimer' | 'log'>, call: () => Promise<T>): Promise<Result<T, MoeError>> {
  let cancelTimer = (): void => undefined
  const late = new Promise<'late'>((resolve) => (cancelTimer = deps.setTimer(LIMITS.limiterCallMs, () => resolve('late'))))
  try {
    for (let triesLeft = 2; triesLeft > 0; triesLeft--) {
      try {
        const answer = await Promise.race([call().then(ok), late])
        if (answer !== 'late') return answer
        deps.log('the limiter is late', null)
        break
      } catch (error) {
        deps.log('a call of the limiter failed', error)
      }
    }
    return fail('limiter-unavailable', "This key's limits cannot be checked now.", {})
  } finally {
    cancelTimer()
  }
}
