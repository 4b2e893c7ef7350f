import type { Autoscaler } from '../autoscaler/autoscaler.ts'
import type { Expert } from '../expert/expert.ts'

/** Bindings and settings of the engine. Each host has a binding of its own, named by `hostBinding`. */
export interface EngineEnv {
  readonly BUCKET: R2Bucket
  readonly AUTOSCALER: DurableObjectNamespace<Autoscaler>
  readonly MODEL_PREFIX: string
  readonly TIER: string
  /** Precision of the trunk in tiers q8 and q4: q8 or q4. */
  readonly TRUNK: string
  /** Prompt tokens of one sequence in one step. */
  readonly PREFILL_CHUNK: string
  readonly KERNELS: string
  readonly [host: `EXPERT_${string}`]: DurableObjectNamespace<Expert>
}
