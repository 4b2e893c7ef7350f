import type { Autoscaler } from '../autoscaler/autoscaler.ts'
import type { Expert } from '../expert/expert.ts'
import type { Grammar } from '../grammar/grammar.ts'

/** Bindings and settings of the engine. Each host has a binding of its own, named by `hostBinding`. */
export interface EngineEnv {
  readonly BUCKET: R2Bucket
  readonly AUTOSCALER: DurableObjectNamespace<Autoscaler>
  readonly GRAMMAR: DurableObjectNamespace<Grammar>
  readonly MODEL_PREFIX: string
  readonly TIER: string
  /** Precision of the trunk in tiers q8 and q4: q8 or q4. */
  readonly TRUNK: string
  /** Prompt tokens of a step while sequences decode. */
  readonly PREFILL_CHUNK: string
  readonly KERNELS: string
  /** Steps under way at once. */
  readonly LANES: string
  /** Milliseconds that each call to a host is delayed, to emulate a network; 0 for none. */
  readonly RTT_MS: string
  /** Milliseconds that new tokens may wait for their write to the journal. */
  readonly JOURNAL_MS: string
  /** What a call to a host costs in (token, expert) pairs, or auto: call-pairs.ts. */
  readonly CALL_PAIRS: string
  /** water, or for experiments even or hash: experiments.ts. */
  readonly SPLIT: string
  /** live, or for experiments pause. */
  readonly ADOPT: string
  /** on or off. */
  readonly PREFIX_CACHE: string
  readonly [host: `EXPERT_${string}`]: DurableObjectNamespace<Expert>
}
