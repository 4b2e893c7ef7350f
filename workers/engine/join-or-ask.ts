import type { Placement } from '../../shared/placement/placement.ts'
import type { AutoscalerApi } from '../../shared/protocol/autoscaler-api.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import { ok } from '../../shared/protocol/result.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { Autoscaler } from './autoscaler-link.ts'

/** An autoscaler of before or after it could be joined: deploys roll out unevenly. */
type AnyAutoscaler = AutoscalerApi & { placement(): Promise<Result<Placement, MoeError>> }

/** Joins the autoscaler; one that cannot be joined is asked for its table, and wants no reports. @param stub a new one each time: one that failed is broken. */
export function joinOrAsk(stub: () => unknown): Autoscaler {
  const autoscaler = () => stub() as AnyAutoscaler
  return {
    async join(engine, isolateId, control) {
      try {
        return await autoscaler().join(engine, isolateId, control)
      } catch (error) {
        if (!/does not implement the method "join"/.test(String(error))) throw error
        const answer = await autoscaler().placement()
        return answer.ok ? ok({ placement: answer.value, windowMs: 0 }) : answer
      }
    },
    report: (report) => autoscaler().report(report),
  }
}
