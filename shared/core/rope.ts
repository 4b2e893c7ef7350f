import type { ModelSpec, RopeSpec } from './model-spec.ts'

/** The kinds of RopeSpec that blend stretched and plain frequencies. */
type Llama3 = Extract<RopeSpec, { kind: 'llama3' }>
type Yarn = Extract<RopeSpec, { kind: 'yarn' }>

/** What turns the pairs of a head: computed once a model. */
export interface RopeTurns {
  /** Radians a position, [headDim / 2]. */
  readonly frequencies: Float64Array
  /** cos and sin are multiplied by it. */
  readonly factor: number
}

export function ropeTurns({ rope, attention }: ModelSpec): RopeTurns {
  const pairs = attention.headDim / 2
  return {
    frequencies: Float64Array.from({ length: pairs }, (_, i) => inverseFrequency(rope, i, pairs)),
    factor: rope.kind === 'yarn' ? rope.attentionFactor : 1,
  }
}

/**
 * cos and sin of the rotation of every pair at `position`, times the attention factor: [headDim / 2] each, from index `at` on.
 * Pair i is (i, i + headDim/2); (a, b) becomes (a cos − b sin, b cos + a sin). In f64 up to the last rounding.
 */
export function ropeTable({ frequencies, factor }: RopeTurns, position: number, cos: Float32Array, sin: Float32Array, at = 0): void {
  for (let i = 0; i < frequencies.length; i++) {
    const angle = position * frequencies[i]!
    cos[at + i] = Math.cos(angle) * factor
    sin[at + i] = Math.sin(angle) * factor
  }
}

/** Radians a position for pair i of `pairs`. Sources: RoFormer (theta), Llama 3.1 and YaRN (arXiv 2309.00071) for the scalings. */
function inverseFrequency(rope: RopeSpec, i: number, pairs: number): number {
  const plain = rope.theta ** (-i / pairs)
  switch (rope.kind) {
    case 'default':
      return plain
    case 'linear':
      return plain / rope.factor
    case 'llama3':
      return blend(plain, rope.factor, llama3Stretch(rope, plain))
    case 'yarn':
      return blend(plain, rope.factor, yarnStretch(rope, i, pairs))
    default:
      return rope satisfies never
  }
}

/** `stretch` 0: as trained; 1: `factor` times slower. */
function blend(plain: number, factor: number, stretch: number): number {
  return (stretch * plain) / factor + (1 - stretch) * plain
}

/** By how often a pair turns within the original context: often is left alone, seldom is stretched, between is blended. */
function llama3Stretch(rope: Llama3, plain: number): number {
  const turns = (rope.originalContext * plain) / (2 * Math.PI)
  return 1 - clamp01((turns - rope.lowFreqFactor) / (rope.highFreqFactor - rope.lowFreqFactor))
}

/** The same idea as a ramp over the pair's number, between the pairs that turn betaFast and betaSlow times. */
function yarnStretch(rope: Yarn, i: number, pairs: number): number {
  const pairOf = (turns: number) => (pairs * Math.log(rope.originalContext / (turns * 2 * Math.PI))) / Math.log(rope.theta)
  const [fast, slow] = [pairOf(rope.betaFast), pairOf(rope.betaSlow)]
  const low = Math.max(rope.truncate ? Math.floor(fast) : fast, 0)
  const high = Math.min(rope.truncate ? Math.ceil(slow) : slow, 2 * pairs - 1)
  return clamp01((i - low) / (low === high ? 0.001 : high - low)) // 0.001: the reference's way out of a ramp of no length
}

function clamp01(x: number): number {
  return Math.min(Math.max(x, 0), 1)
}
