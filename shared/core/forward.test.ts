import { beforeAll, describe, expect, it } from 'vitest'
import { FIXTURE_MODELS, fixtureUrl, readFixtureModel, readJson } from '../../test/fixtures/read-checkpoint.ts'
import { createForward, type Forward } from './forward.ts'
import type { Weights } from './forward-weights.ts'
import type { ModelSpec } from './model-spec.ts'
import { argmax } from './ranking.ts'
import { logprobsOf } from './sampler.ts'

const scoreOf = (logits: Float32Array, id: number, top: number) => logprobsOf(logits, argmax(logits), id, top)

/** What transformers computed; fields: test/fixtures/models/README.md. */
interface Golden {
  readonly prompts: readonly {
    readonly ids: readonly number[]
    readonly logits_last: readonly number[]
    readonly top: readonly (readonly (readonly [id: number, logprob: number])[])[]
    readonly nll: number
    readonly hidden_rms_per_layer: readonly number[]
    readonly routing: readonly { readonly layer: number; readonly ids: readonly (readonly number[])[]; readonly weights: readonly (readonly number[])[] }[]
    readonly greedy: { readonly ids: readonly number[]; readonly logprobs: readonly number[] }
  }[]
}

/** What ours computed for one token. */
interface Step {
  readonly logits: Float32Array
  readonly layers: readonly { readonly ids: readonly number[]; readonly weights: readonly number[]; readonly rms: number }[]
}

function run(forward: Forward, tokens: readonly number[]): Step[] {
  const cache = forward.createCache(tokens.length)
  return tokens.map((token, position) => {
    const logits = forward.forward(cache, token, position).slice()
    return { logits, layers: forward.trace.map(({ ids, weights, rms }) => ({ ids: [...ids], weights: [...weights], rms })) }
  })
}

function largest(values: readonly number[]): number {
  return values.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
}

/**
 * transformers computes in f32, ours sums in f64, the goldens have 6 digits. Measured over all fixtures: logits within 5e-6 of their largest,
 * log-probabilities within 6e-5, weights within 6e-6, rms and nll within 4e-6 of themselves. The bounds leave nearly a factor of two.
 */
const BOUND = { logits: 1e-5, logprob: 2e-4, weight: 1e-5, relative: 1e-5 }

describe.each(FIXTURE_MODELS)('%s', (folder) => {
  const golden = readJson(fixtureUrl(`${folder}/golden.json`)) as Golden
  let runs: { prompt: Golden['prompts'][number]; steps: Step[] }[] = []

  beforeAll(() => {
    const { spec, weights } = readFixtureModel(fixtureUrl(`${folder}/`))
    const forward = createForward(spec, weights)
    // Greedy ids are fed back as the golden has them: a wrong one fails below, and does not hide what comes after.
    runs = golden.prompts.map((prompt) => ({ prompt, steps: run(forward, [...prompt.ids, ...prompt.greedy.ids]) }))
  })

  it('[NU1] logits after the last prompt token', () => {
    for (const { prompt, steps } of runs) {
      const { logits } = steps[prompt.ids.length - 1]!
      const error = largest(prompt.logits_last.map((want, id) => logits[id]! - want))
      expect(error).toBeLessThan(BOUND.logits * largest(prompt.logits_last))
    }
  })

  it('[NU1] the five best next tokens at every position', () => {
    for (const { prompt, steps } of runs) {
      prompt.top.forEach((want, position) => {
        const { top } = scoreOf(steps[position]!.logits, 0, want.length)
        expect(top.map(([id]) => id)).toEqual(want.map(([id]) => id))
        expect(largest(top.map(([, logprob], rank) => logprob - want[rank]![1]))).toBeLessThan(BOUND.logprob)
      })
    }
  })

  it('[NU1] negative log-likelihood of the prompt', () => {
    for (const { prompt, steps } of runs) {
      const nll = prompt.ids.slice(1).reduce((sum, id, position) => sum - scoreOf(steps[position]!.logits, id, 0).logprob!, 0)
      expect(Math.abs(nll - prompt.nll)).toBeLessThanOrEqual(BOUND.relative * prompt.nll)
    }
  })

  it('[NU1] the residual stream after each layer', () => {
    for (const { prompt, steps } of runs) {
      const { layers } = steps[prompt.ids.length - 1]!
      expect(layers).toHaveLength(prompt.hidden_rms_per_layer.length)
      prompt.hidden_rms_per_layer.forEach((want, layer) => expect(Math.abs(layers[layer]!.rms / want - 1)).toBeLessThan(BOUND.relative))
    }
  })

  it('[NU1] the same experts with the same weights, at every position of every MoE layer', () => {
    for (const { prompt, steps } of runs) {
      const moe = steps[0]!.layers.flatMap(({ ids }, layer) => (ids.length > 0 ? [layer] : []))
      expect(moe).toEqual(prompt.routing.map(({ layer }) => layer))
      for (const { layer, ids, weights } of prompt.routing) {
        ids.forEach((chosen, position) => {
          const got = steps[position]!.layers[layer]!
          const want = chosen.map((id, rank) => ({ id, weight: weights[position]![rank]! })).sort((a, b) => a.id - b.id)
          expect(got.ids).toEqual(want.map(({ id }) => id))
          expect(largest(want.map(({ weight }, at) => got.weights[at]! - weight))).toBeLessThan(BOUND.weight)
        })
      }
    }
  })

  it('[NU1] 32 greedy tokens', () => {
    for (const { prompt, steps } of runs) {
      const best = prompt.greedy.ids.map((_, n) => scoreOf(steps[prompt.ids.length - 1 + n]!.logits, 0, 1).top[0]!)
      expect(best.map(([id]) => id)).toEqual(prompt.greedy.ids)
      expect(largest(best.map(([, logprob], n) => logprob - prompt.greedy.logprobs[n]!))).toBeLessThan(BOUND.logprob)
    }
  })
})

/** An option of a fixture, taken away. If the logits did not care, its golden would not test it. */
const WITHOUT: readonly (readonly [option: string, fixture: string, change: (spec: ModelSpec) => Partial<ModelSpec>])[] = [
  ['the window', 'models/mixtral_swa', (spec) => ({ layers: spec.layers.map((layer) => ({ ...layer, window: null })) })],
  ['the clip', 'models/olmoe', (spec) => ({ attention: { ...spec.attention, clip: null } })],
  ['row norms of q and k', 'models/olmoe', (spec) => ({ attention: { ...spec.attention, qkNorm: 'none' } })],
  ['head norms of q and k', 'models/qwen3_moe', (spec) => ({ attention: { ...spec.attention, qkNorm: 'none' } })],
  ['normalising', 'models/mixtral', (spec) => ({ router: { ...spec.router, normalize: false } })],
  ['top-k before the softmax', 'models/granitemoe', (spec) => ({ router: { ...spec.router, order: 'score-then-topk' } })],
  ['q, k and v biases', 'models/qwen2_moe', (spec) => ({ attention: { ...spec.attention, qkvBias: false } })],
  ['the output bias', 'models-awkward/qwen3_moe', (spec) => ({ attention: { ...spec.attention, outputBias: false } })],
  ['the shared expert', 'models/granitemoeshared', () => ({ shared: null })],
  ['the shared expert’s mix', 'models/qwen2_moe', (spec) => ({ shared: { width: spec.shared!.width, mix: 'none' } })],
  ['the softmax scale', 'models/granitemoe', (spec) => ({ attention: { ...spec.attention, scale: 1 / Math.sqrt(spec.attention.headDim) } })],
  ['the embedding multiplier', 'models/granitemoe', (spec) => ({ multipliers: { ...spec.multipliers, embedding: 1 } })],
  ['the residual multiplier', 'models/granitemoe', (spec) => ({ multipliers: { ...spec.multipliers, residual: 1 } })],
  ['the logits divisor', 'models/granitemoe', (spec) => ({ multipliers: { ...spec.multipliers, logitsDivisor: 1 } })],
  ['linear RoPE', 'models-awkward/mixtral', plainRope],
  ['llama3 RoPE', 'models-awkward/mixtral_swa', plainRope],
  ['yarn RoPE', 'models-awkward/olmoe', plainRope],
]

function plainRope(spec: ModelSpec): Partial<ModelSpec> {
  return { rope: { kind: 'default', theta: spec.rope.theta } }
}

describe('createForward', () => {
  it.each(WITHOUT)('[NU1] the goldens notice when %s is left out (%s)', (_, fixture, change) => {
    const { spec, weights } = readFixtureModel(fixtureUrl(`${fixture}/`))
    const { prompts } = readJson(fixtureUrl(`${fixture}/golden.json`)) as Golden
    const prompt = prompts[2]!
    const { logits } = run(createForward({ ...spec, ...change(spec) }, weights), prompt.ids).at(-1)!
    const error = largest(prompt.logits_last.map((want, id) => logits[id]! - want))
    expect(error).toBeGreaterThan(100 * BOUND.logits * largest(prompt.logits_last))
  })

  it('[NU2] sequences share nothing but buffers: interleaved, each gives the bits it gives alone', () => {
    const { spec, weights } = readFixtureModel(fixtureUrl('models/qwen2_moe/'))
    const forward = createForward(spec, weights)
    const sequences = [
      [5, 6, 7, 8, 9],
      [100, 90, 80, 70, 60],
    ]
    const alone = sequences.map((tokens) => run(forward, tokens).map(({ logits }) => logits))
    const caches = sequences.map((tokens) => forward.createCache(tokens.length))
    for (let position = 0; position < 5; position++) {
      sequences.forEach((tokens, n) => expect(forward.forward(caches[n]!, tokens[position]!, position)).toEqual(alone[n]![position]))
    }
  })

  it('[NU1] throws on tokens, positions and weights out of range', () => {
    const { spec, weights } = readFixtureModel(fixtureUrl('models/mixtral/'))
    const forward = createForward(spec, weights)
    const cache = forward.createCache(2)
    expect(() => forward.forward(cache, spec.vocab, 0)).toThrow('token 320')
    expect(() => forward.forward(cache, -1, 0)).toThrow('token -1')
    expect(() => forward.forward(cache, 1, 2)).toThrow('position 2 of 2')
    expect(() => forward.createCache(spec.context + 1)).toThrow('513 positions')
    const short: Weights = { ...weights, trunk: (name) => (name === 'layers.1.q' ? new Float32Array(3) : weights.trunk(name)) }
    expect(() => createForward(spec, short)).toThrow('layers.1.q has 3 values, not 4096')
  })
})
