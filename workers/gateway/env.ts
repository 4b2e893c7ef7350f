import type { AccessVars } from './access/access-settings.ts'

/** Bindings of the gateway's script. */
export interface Env extends AccessVars {
  /** Objects of the limiter's script, one for each key's name; they answer the methods of LimiterApi. */
  readonly LIMITER: DurableObjectNamespace
  /** Object `engine-0` of the engine's script; it answers the methods of EngineApi. */
  readonly ENGINE: DurableObjectNamespace
  /** Object `autoscaler` of the autoscaler's script; it answers the methods of AutoscalerApi. */
  readonly AUTOSCALER: DurableObjectNamespace
  /** Object `grammar-0` of the grammar worker's script; it answers the methods of GrammarApi. */
  readonly GRAMMAR: DurableObjectNamespace
  readonly BUCKET: R2Bucket
  /** Folder of the served pack, with the slash: `models/<name>/<digest>/`. */
  readonly MODEL_PREFIX: string
  readonly TIER: string
  /** Precision of the trunk in tiers q8 and q4: q8 or q4. */
  readonly TRUNK: string
  /** on or off: whether the line of a request in the log has the text of its prompts. */
  readonly LOG_PROMPTS: string
  /** Where requests are counted one by one; optional. */
  readonly ANALYTICS?: AnalyticsEngineDataset
}
