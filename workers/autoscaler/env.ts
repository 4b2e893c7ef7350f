/** Bindings and settings of the autoscaler. Each host has a binding of its own, named by `hostBinding`, as the engine has. */
export interface AutoscalerEnv {
  readonly BUCKET: R2Bucket
  readonly MODEL_PREFIX: string
  readonly TIER: string
  /** JSON list of host names, in order: those of the base placement. */
  readonly HOSTS: string
  /** JSON list of host names, may be empty: deployed, and cold until a plan needs them. */
  readonly STANDBY: string
  readonly ARENA_BYTES: string
  /** packed or spread. */
  readonly PLACEMENT: string
  readonly [host: `EXPERT_${string}`]: DurableObjectNamespace
}
