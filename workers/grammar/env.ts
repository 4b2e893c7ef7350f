/** Bindings and settings of the grammar worker. */
export interface GrammarEnv {
  readonly BUCKET: R2Bucket
  readonly MODEL_PREFIX: string
}
