/** Bindings and settings of the autoscaler. */
export interface AutoscalerEnv {
  readonly BUCKET: R2Bucket
  readonly MODEL_PREFIX: string
  readonly TIER: string
  /** JSON list of host names, in order. */
  readonly HOSTS: string
  readonly ARENA_BYTES: string
  /** packed or spread. */
  readonly PLACEMENT: string
}
