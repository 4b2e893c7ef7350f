/** Bindings and settings of one expert host. */
export interface ExpertEnv {
  readonly BUCKET: R2Bucket
  readonly MODEL_PREFIX: string
  readonly TIER: string
  /** Bytes of expert weights that this host may hold. */
  readonly ARENA_BYTES: string
  /** A KernelChoice. */
  readonly KERNELS: string
  /** Weights a second of the machine that this host emulates; 0 for none. */
  readonly HOST_RATE: string
}
