/**
 * A model's shape and options as data. A family is a reader that fills this from a config.json (families.ts);
 * nothing after the reader knows which family it serves. Formulas: docs/design/families.md.
 */
export interface ModelSpec {
  readonly family: string
  /** Rows of the embedding. */
  readonly vocab: number
  readonly hidden: number
  /** Positions the model was made for (max_position_embeddings). */
  readonly context: number
  readonly attention: AttentionSpec
  readonly norm: NormSpec
  readonly rope: RopeSpec
  readonly layers: readonly LayerSpec[]
  readonly router: RouterSpec
  readonly expert: ExpertSpec
  readonly shared: SharedExpertSpec | null
  readonly multipliers: Multipliers
  /** The head is the embedding. */
  readonly tiedHead: boolean
  readonly tokens: SpecialTokens
}

export interface AttentionSpec {
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** Factor of q·k, before the softmax. */
  readonly scale: number
  readonly qkvBias: boolean
  readonly outputBias: boolean
  /** RMS norm of q and k before RoPE: over the whole projected row, or over each head. */
  readonly qkNorm: 'none' | 'row' | 'head'
  /** q, k and v are clamped to ± this before RoPE. */
  readonly clip: number | null
}

export type NormSpec = { readonly kind: 'rms'; readonly eps: number }

/** Pair i is (i, i + headDim/2). */
export type RopeSpec =
  | { readonly kind: 'default'; readonly theta: number }
  | { readonly kind: 'linear'; readonly theta: number; readonly factor: number }
  | {
      readonly kind: 'llama3'
      readonly theta: number
      readonly factor: number
      readonly lowFreqFactor: number
      readonly highFreqFactor: number
      readonly originalContext: number
    }
  | {
      readonly kind: 'yarn'
      readonly theta: number
      readonly factor: number
      readonly originalContext: number
      readonly betaFast: number
      readonly betaSlow: number
      readonly truncate: boolean
      /** Factor of cos and sin. */
      readonly attentionFactor: number
    }

export interface LayerSpec {
  /** Query i sees keys i − window < j ≤ i; null: all j ≤ i. */
  readonly window: number | null
  readonly ffn: { readonly kind: 'moe' } | { readonly kind: 'dense'; readonly width: number }
}

/**
 * Selection and weighting are separate: experts are chosen by a selection score, and the combine weight comes from the score.
 * `score-then-topk`: score over all experts, then the k best. `topk-then-score`: the k best logits, score over those.
 */
export interface RouterSpec {
  readonly experts: number
  readonly topK: number
  readonly score: 'softmax' | 'sigmoid'
  readonly order: 'score-then-topk' | 'topk-then-score'
  /** Combine weights are divided by their sum. */
  readonly normalize: boolean
  readonly scale: number
  /** A learned bias [experts] is added for selection only. */
  readonly selectionBias: boolean
  /** Only experts of the `keep` best of `count` groups may be chosen; a group's score is the sum of its `best` best. */
  readonly groups: { readonly count: number; readonly keep: number; readonly best: number } | null
}

/** down(silu(gate(x)) · up(x)), [hidden] → [width] → [hidden]. */
export interface ExpertSpec {
  readonly activation: 'swiglu'
  readonly width: number
}

/** Runs for every token; `mix`: its row is multiplied with sigmoid(mix · x). */
export interface SharedExpertSpec {
  readonly width: number
  readonly mix: 'none' | 'sigmoid'
}

export interface Multipliers {
  readonly embedding: number
  readonly residual: number
  /** Logits are divided by it. */
  readonly logitsDivisor: number
}

export interface SpecialTokens {
  readonly bos: number | null
  /** Any of these ends a sequence. */
  readonly eos: readonly number[]
}

/** Layers with routed experts, ascending. */
export function moeLayers(spec: ModelSpec): number[] {
  return spec.layers.flatMap((layer, index) => (layer.ffn.kind === 'moe' ? [index] : []))
}

/** [layers] routed experts of each layer; 0 of a dense one. */
export function expertCounts({ layers, router }: ModelSpec): number[] {
  return layers.map(({ ffn }) => (ffn.kind === 'moe' ? router.experts : 0))
}
