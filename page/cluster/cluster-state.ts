import type { AutoscalerState } from '../../shared/protocol/autoscaler-api.ts'
import type { EngineState } from '../../shared/protocol/engine-api.ts'

/** What GET /admin/state answers. Where the autoscaler did not answer, its error is in its place. */
export type ClusterState = EngineState & { readonly autoscaler: AutoscalerState | { readonly error: { readonly code: string; readonly message: string } } }

/** The autoscaler's account, null where it did not answer. */
export function autoscalerOf({ autoscaler }: ClusterState): AutoscalerState | null {
  return 'error' in autoscaler ? null : autoscaler
}
