import type {
  AttentionSpec,
  ExpertSpec,
  LayerSpec,
  ModelSpec,
  Multipliers,
  NormSpec,
  RopeSpec,
  RouterSpec,
  SharedExpertSpec,
  SpecialTokens,
} from '../core/model-spec.ts'
import { fail } from './errors.ts'
import type { MoeError } from './errors.ts'
import { boolean, FieldFault, integer, list, nullable, number, oneOf, record, text, variant } from './json-readers.ts'
import type { Reader } from './json-readers.ts'
import { LIMITS } from './limits.ts'
import { ok } from './result.ts'
import type { Result } from './result.ts'

const EOS_MAX = 64
/** Smallest positive value of a factor that something is divided by. */
const TINY = 1e-30
const HUGE = 1e30

const attention: Reader<AttentionSpec> = record<AttentionSpec>({
  heads: integer(1, LIMITS.hiddenMax),
  kvHeads: integer(1, LIMITS.hiddenMax),
  headDim: integer(1, LIMITS.hiddenMax),
  scale: number(TINY, HUGE),
  qkvBias: boolean,
  outputBias: boolean,
  qkNorm: oneOf('none', 'row', 'head'),
  clip: nullable(number(TINY, HUGE)),
})

const norm: Reader<NormSpec> = record<NormSpec>({ kind: oneOf('rms'), eps: number(0, 1) })

const theta = number(TINY, HUGE)
const factor = number(TINY, HUGE)
const rope: Reader<RopeSpec> = variant<RopeSpec>({
  default: record<Extract<RopeSpec, { kind: 'default' }>>({ kind: oneOf('default'), theta }),
  linear: record<Extract<RopeSpec, { kind: 'linear' }>>({ kind: oneOf('linear'), theta, factor }),
  llama3: record<Extract<RopeSpec, { kind: 'llama3' }>>({
    kind: oneOf('llama3'),
    theta,
    factor,
    lowFreqFactor: factor,
    highFreqFactor: factor,
    originalContext: integer(1, LIMITS.contextMax),
  }),
  yarn: record<Extract<RopeSpec, { kind: 'yarn' }>>({
    kind: oneOf('yarn'),
    theta,
    factor,
    originalContext: integer(1, LIMITS.contextMax),
    betaFast: factor,
    betaSlow: factor,
    truncate: boolean,
    attentionFactor: number(0, HUGE),
  }),
})

const layer: Reader<LayerSpec> = record<LayerSpec>({
  window: nullable(integer(1, Number.MAX_SAFE_INTEGER)),
  ffn: variant<LayerSpec['ffn']>({
    moe: record<{ readonly kind: 'moe' }>({ kind: oneOf('moe') }),
    dense: record<{ readonly kind: 'dense'; readonly width: number }>({ kind: oneOf('dense'), width: integer(1, LIMITS.hiddenMax) }),
  }),
})

const router: Reader<RouterSpec> = record<RouterSpec>({
  experts: integer(1, LIMITS.expertsMax),
  topK: integer(1, LIMITS.topKMax),
  score: oneOf('softmax', 'sigmoid'),
  order: oneOf('score-then-topk', 'topk-then-score'),
  normalize: boolean,
  scale: number(-HUGE, HUGE),
  selectionBias: boolean,
  groups: nullable(
    record<NonNullable<RouterSpec['groups']>>({
      count: integer(1, LIMITS.expertsMax),
      keep: integer(1, LIMITS.expertsMax),
      best: integer(1, LIMITS.expertsMax),
    }),
  ),
})

const expert: Reader<ExpertSpec> = record<ExpertSpec>({ activation: oneOf('swiglu'), width: integer(1, LIMITS.hiddenMax) })
const shared: Reader<SharedExpertSpec> = record<SharedExpertSpec>({ width: integer(1, LIMITS.hiddenMax), mix: oneOf('none', 'sigmoid') })
const multipliers: Reader<Multipliers> = record<Multipliers>({
  embedding: number(-HUGE, HUGE),
  residual: number(-HUGE, HUGE),
  logitsDivisor: number(TINY, HUGE),
})

const tokenId = integer(0, LIMITS.vocabMax - 1)
const tokens: Reader<SpecialTokens> = record<SpecialTokens>({ bos: nullable(tokenId), eos: list(tokenId, EOS_MAX) })

const specFields: Reader<ModelSpec> = record<ModelSpec>({
  family: text(/^[a-z0-9][a-z0-9_-]{0,63}$/),
  vocab: integer(1, LIMITS.vocabMax),
  hidden: integer(1, LIMITS.hiddenMax),
  context: integer(1, LIMITS.contextMax),
  attention,
  norm,
  rope,
  layers: list(layer, LIMITS.layersMax),
  router,
  expert,
  shared: nullable(shared),
  multipliers,
  tiedHead: boolean,
  tokens,
})

/** A ModelSpec whose fields are bounded and fit each other. */
export const modelSpec: Reader<ModelSpec> = (value, path) => {
  const spec = specFields(value, path)
  for (const [field, holds, reason] of relations(spec)) {
    if (!holds) throw new FieldFault(`${path}.${field}`, reason)
  }
  return spec
}

/** Checks a spec that a family's reader filled in, before anything is sized by it. `manifest-invalid` names the field. */
export function parseModelSpec(value: unknown): Result<ModelSpec, MoeError> {
  try {
    return ok(modelSpec(value, 'spec'))
  } catch (error) {
    if (error instanceof FieldFault) return fail('manifest-invalid', error.message, { field: error.field })
    throw error
  }
}

/** What must hold between fields: [field, holds, reason if not]. */
function relations(spec: ModelSpec): (readonly [field: string, holds: boolean, reason: string])[] {
  const { attention: a, router: r, tokens: t } = spec
  return [
    ['attention.kvHeads', a.heads % a.kvHeads === 0, `${a.heads} query heads do not divide among ${a.kvHeads} key-value heads`],
    ['attention.heads', a.heads * a.headDim <= LIMITS.hiddenMax, `${a.heads} heads of ${a.headDim} are more than ${LIMITS.hiddenMax} columns`],
    ['attention.headDim', a.headDim % 2 === 0, `${a.headDim} is odd: RoPE turns pairs`],
    ['rope.highFreqFactor', spec.rope.kind !== 'llama3' || spec.rope.highFreqFactor > spec.rope.lowFreqFactor, 'is not above lowFreqFactor'],
    ['rope.betaFast', spec.rope.kind !== 'yarn' || spec.rope.betaFast >= spec.rope.betaSlow, 'is below betaSlow'],
    ['layers', spec.layers.some((l) => l.ffn.kind === 'moe'), 'no layer has routed experts'],
    ['router.topK', r.topK <= r.experts, `${r.topK} is more than the ${r.experts} experts`],
    ['router.groups', groupsFit(r), 'the groups do not divide the experts, or leave fewer than top-k'],
    ['tokens.bos', t.bos === null || t.bos < spec.vocab, `${t.bos} is not below the vocabulary of ${spec.vocab}`],
    ['tokens.eos', t.eos.every((id) => id < spec.vocab), `an id is not below the vocabulary of ${spec.vocab}`],
  ]
}

function groupsFit({ groups, experts, topK }: RouterSpec): boolean {
  if (!groups) return true
  const size = experts / groups.count
  return Number.isInteger(size) && groups.keep <= groups.count && groups.best <= size && topK <= groups.keep * size
}
