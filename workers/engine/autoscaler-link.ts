import type { Placement } from '../../shared/placement/placement.ts'
import type { AutoscalerApi, EngineControl, EngineReport, JoinAnswer } from '../../shared/protocol/autoscaler-api.ts'
import type { Within } from '../../shared/protocol/deadlines.ts'
import { fail } from '../../shared/protocol/errors.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Result } from '../../shared/protocol/result.ts'

/** What the engine asks of an autoscaler. */
export type Autoscaler = Pick<AutoscalerApi, 'join' | 'report'>

export interface AutoscalerLinkDeps {
  readonly engine: string
  readonly isolateId: string
  /** How the autoscaler reaches this engine between its reports. */
  readonly control: EngineControl
  /** A new stub: one that failed is broken for good. */
  autoscaler(): Autoscaler
  readonly within: Within
  /** Takes a table that came with an answer. Throws where it cannot be served: then the last one stands. */
  adopt(placement: Placement): void
  /** Takes what a call costs, in pairs; null: it is not known. */
  setCallPairs(callPairs: number | null): void
  onFault(error: unknown): void
}

/**
 * The engine's end of the autoscaler. Serving does not depend on it: while it is away the last table stands, reports are kept and the engine
 * joins again before the next one. SPEC EL8.
 */
export function createAutoscalerLink(deps: AutoscalerLinkDeps) {
  let joined = false

  async function join(): Promise<Result<JoinAnswer, MoeError>> {
    try {
      const answer = await deps.within(deps.autoscaler().join(deps.engine, deps.isolateId, deps.control))
      joined = answer.ok && answer.value.ok
      if (answer.ok && answer.value.ok) deps.setCallPairs(answer.value.value.callPairs)
      return answer.ok ? answer.value : fail('host-unavailable', 'the autoscaler does not answer', { host: 'autoscaler' })
    } catch (error) {
      joined = false
      return fail('host-unavailable', `the autoscaler cannot be reached: ${String(error)}`, { host: 'autoscaler' })
    }
  }

  /** @returns the span of the next window, or null where the report did not arrive. */
  async function push(report: EngineReport): Promise<number | null> {
    try {
      if (!joined && !(await rejoin())) return null
      const called = await deps.within(deps.autoscaler().report(report))
      if (!called.ok) return lost(called.error)
      const answer = called.value
      if (!answer.ok) return lost(answer.error)
      const { placement, windowMs, callPairs, rejoin: again } = answer.value
      deps.setCallPairs(callPairs)
      if (placement) deps.adopt(placement)
      if (again) await rejoin()
      return windowMs
    } catch (error) {
      return lost(error)
    }
  }

  async function rejoin(): Promise<boolean> {
    const answer = await join()
    if (answer.ok) deps.adopt(answer.value.placement)
    else deps.onFault(answer.error)
    return answer.ok
  }

  function lost(error: unknown): null {
    joined = false
    deps.onFault(error)
    return null
  }

  return { join, push }
}
