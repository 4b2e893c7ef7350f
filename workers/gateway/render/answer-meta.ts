import { trunkTier } from '../../../shared/protocol/tiers.ts'
import type { LoadedModel } from '../model/loaded-model.ts'

/** What every object of an answer begins with. */
export interface AnswerMeta {
  readonly id: string
  readonly object: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
  /** Equal fingerprints and seeds give equal tokens: it names the weights and their precision, the trunk's where it is not the tier's usual one. */
  readonly system_fingerprint: string
}

const DIGEST_CHARS = 12

export function answerMeta(model: LoadedModel, id: string, object: string, created: number): AnswerMeta {
  const trunk = model.trunk === trunkTier(model.tier, 'q8') ? '' : `-trunk-${model.trunk}`
  return { id, object, created, model: model.name, system_fingerprint: `isomoe-${model.tier}${trunk}-${model.digest.slice(0, DIGEST_CHARS)}` }
}
