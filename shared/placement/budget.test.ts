import fc from 'fast-check'
import { expect, it } from 'vitest'
import { padCols } from '../core/layout.ts'
import type { ModelSpec } from '../core/model-spec.ts'
import { kvPageBytes } from '../core/kv-layout.ts'
import { KV_PAGE_POSITIONS } from '../core/records.ts'
import { stepLimits } from '../core/scratch.ts'
import { LIMITS } from '../protocol/limits.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import { kvTokenBytesFormula, planEngineMemory, WASM_BYTES_MAX } from './budget.ts'

/** Specs in odd sizes: no width a multiple of anything, one to many heads, with and without a shared expert. */
const arbSpec: fc.Arbitrary<ModelSpec> = fc
  .record({
    hidden: fc.integer({ min: 1, max: 5000 }),
    vocab: fc.integer({ min: 1, max: 40_000 }),
    context: fc.integer({ min: 1, max: 50_000 }),
    heads: fc.integer({ min: 1, max: 40 }),
    headDim: fc.integer({ min: 1, max: 64 }).map((half) => 2 * half),
    experts: fc.integer({ min: 1, max: 300 }),
    topK: fc.integer({ min: 1, max: 16 }),
    width: fc.integer({ min: 1, max: 3000 }),
    shared: fc.option(fc.integer({ min: 1, max: 3000 })),
    layers: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ hidden, vocab, context, heads, headDim, experts, topK, width, shared, layers }) => ({
    ...TINY_SPEC,
    hidden,
    vocab,
    context,
    attention: { ...TINY_SPEC.attention, heads, kvHeads: heads, headDim },
    layers: Array.from({ length: layers }, () => ({ window: null, ffn: { kind: 'moe' as const } })),
    router: { ...TINY_SPEC.router, experts: Math.max(experts, topK), topK },
    expert: { ...TINY_SPEC.expert, width },
    shared: shared === null ? null : { width: shared, mix: 'none' as const },
  }))

it('[SC1] every step fits a frame, and decodes are never starved by a chunk', () => {
  fc.assert(
    fc.property(arbSpec, fc.integer({ min: 1, max: 512 }), fc.integer({ min: 1, max: 8 }), (spec, chunk, lanes) => {
      const limits = stepLimits(spec, chunk, lanes)
      expect(limits.stepTokens).toBe(Math.ceil(limits.running / lanes) + limits.chunk)
      expect(limits.chunk).toBeGreaterThanOrEqual(1)
      expect(limits.running).toBeGreaterThanOrEqual(Math.min(limits.chunk, LIMITS.runningMax))
      expect(limits.stepTokens * spec.router.topK).toBeLessThanOrEqual(LIMITS.framePairsMax)
      const replyBytes = limits.stepTokens * spec.router.topK * padCols(spec.hidden) * 4
      expect(replyBytes).toBeLessThan(LIMITS.frameBytesMax)
      expect(lanes * replyBytes).toBeLessThanOrEqual(LIMITS.transferBytes)
    }),
  )
})

it('[SC1] a small model runs as many sequences as the engine may, whatever the chunk', () => {
  for (const chunk of [1, 7, 64, 512]) expect(stepLimits(TINY_SPEC, chunk, 1)).toEqual({ lanes: 1, stepTokens: 64 + chunk, running: 64, chunk })
})

it('[PL2] an engine plan stays within the isolate, holds a page at least, and no more context than the pages do', () => {
  fc.assert(
    fc.property(arbSpec, fc.constantFrom('q8' as const, 'q4' as const, 'f32' as const), fc.integer({ min: 1, max: 8 }), (spec, tier, lanes) => {
      const plan = planEngineMemory(spec, tier, stepLimits(spec, 64, lanes))
      if (!plan.ok) {
        expect(plan.error.details.bytes).toBeGreaterThan(WASM_BYTES_MAX)
        return
      }
      const { totalBytes, trunkBytes, scratchBytes, kvPages, kvPageBytes, contextTokens } = plan.value
      expect(totalBytes).toBe(trunkBytes + scratchBytes + kvPages * kvPageBytes)
      expect(totalBytes).toBeLessThanOrEqual(WASM_BYTES_MAX)
      expect(contextTokens).toBeLessThanOrEqual(Math.min(spec.context, kvPages * 16))
      expect(contextTokens).toBeGreaterThanOrEqual(1)
    }),
  )
})

it('[PL2] a q4 trunk takes the hi planes alone and leaves the rest to KV; the f32 tier has an f32 trunk either way', () => {
  const plan = (tier: 'q4' | 'f32', trunk: 'q8' | 'q4') => {
    const planned = planEngineMemory({ ...TINY_SPEC, context: 1 << 16 }, tier, { lanes: 1, stepTokens: 128 }, { trunk })
    if (!planned.ok) throw new Error(planned.error.message)
    return planned.value
  }
  expect(plan('q4', 'q4').trunk).toBe('q4')
  expect(plan('q4', 'q4').trunkBytes).toBeLessThan(plan('q4', 'q8').trunkBytes)
  expect(plan('f32', 'q4')).toEqual(plan('f32', 'q8'))
})

it('[PL2] a step that fits no frame is refused with the bytes of its rows', () => {
  const wide = { ...TINY_SPEC, hidden: 65_536, router: { ...TINY_SPEC.router, experts: 64, topK: 64 } }
  expect(planEngineMemory(wide, 'q8', stepLimits(wide, 64, 1))).toMatchObject({ ok: false, error: { code: 'over-budget', details: { part: 'frame' } } })
})

it('[SC10] a model whose frames fit one lane but not eight is refused with the share of a lane', () => {
  const wide = { ...TINY_SPEC, hidden: 8192, router: { ...TINY_SPEC.router, experts: 16, topK: 16 } } // rows of two tokens: 1 MiB
  expect(stepLimits(wide, 64, 1).stepTokens).toBe(15)
  expect(stepLimits(wide, 64, 4)).toEqual({ lanes: 4, stepTokens: 3, running: 8, chunk: 1 })
  expect(planEngineMemory(wide, 'q8', stepLimits(wide, 64, 8))).toMatchObject({
    ok: false,
    error: { code: 'over-budget', details: { part: 'frame', bytes: 1 << 20, budgetBytes: 1 << 20 } },
  })
})

it('[SC10] lanes divide sequences and chunk, and no chunk below what a host computes at once', () => {
  const of = (chunk: number, lanes: number) => stepLimits(TINY_SPEC, chunk, lanes)
  expect(of(64, 2)).toEqual({ lanes: 2, stepTokens: 64, running: 64, chunk: 32 })
  expect(of(64, 4)).toEqual({ lanes: 4, stepTokens: 48, running: 64, chunk: 32 })
  expect(of(512, 4)).toEqual({ lanes: 4, stepTokens: 144, running: 64, chunk: 128 })
  expect(of(7, 4)).toEqual({ lanes: 4, stepTokens: 23, running: 64, chunk: 7 })
})

it.each([
  ['the demo model', 6, 2, 64],
  ['the synthetic model of the benches', 16, 4, 64],
  ['heads of 128', 24, 8, 128],
])('[NU10] the KV cache of %s takes at most a tenth more than its codes and scales', (_name, layers, kvHeads, headDim) => {
  const spec = { ...TINY_SPEC, attention: { ...TINY_SPEC.attention, kvHeads, headDim }, layers: Array.from({ length: layers }, () => TINY_SPEC.layers[0]!) }
  for (const tier of ['q8', 'q4', 'f32'] as const) {
    const ratio = kvPageBytes(spec, tier) / KV_PAGE_POSITIONS / kvTokenBytesFormula(spec, tier)
    expect(ratio).toBeGreaterThanOrEqual(1)
    expect(ratio).toBeLessThanOrEqual(1.1)
  }
  expect(kvTokenBytesFormula(spec, 'q8')).toBe(layers * 2 * kvHeads * (headDim + 4))
})
