import type { GenerationDefaults } from '../../../shared/protocol/manifest.ts'
import type { Tier } from '../../../shared/protocol/tiers.ts'
import type { ChatTemplate } from './chat-template.ts'
import type { TextCodec } from './text-codec.ts'

/** What the gateway knows of the served model. */
export interface LoadedModel {
  readonly name: string
  readonly digest: string
  readonly tier: Tier
  /** What the engine serves the trunk at. */
  readonly trunk: Tier
  readonly vocab: number
  /** Positions that a sequence may have: those the model was made for; in requests those that the engine has (`servedModel`). */
  readonly contextTokens: number
  readonly eos: readonly number[]
  readonly generation: GenerationDefaults
  /** Null: the pack has no tokenizer and serves token ids only. SPEC PK8. */
  readonly codec: TextCodec | null
  readonly template: ChatTemplate | null
}
