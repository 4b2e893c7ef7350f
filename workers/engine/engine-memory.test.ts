import { beforeAll, expect, it } from 'vitest'
import { stepLimits } from '../../shared/core/scratch.ts'
import { planEngineMemory } from '../../shared/placement/budget.ts'
import { TINY_SPEC } from '../../test/fixtures/tiny-pack.ts'
import type { KernelModules } from '../../wasm/src/kernels.ts'
import { loadKernelModules } from '../../wasm/src/load-from-disk.ts'
import { createEngineMemory } from './engine-memory.ts'

let modules: KernelModules

beforeAll(async () => {
  modules = await loadKernelModules()
})

it.each([
  ['the tiny model', TINY_SPEC],
  ['a shared expert wider than all else', { ...TINY_SPEC, shared: { width: 777, mix: 'sigmoid' as const } }],
  ['one head of 6 and a vocabulary of 17', { ...TINY_SPEC, vocab: 17, attention: { ...TINY_SPEC.attention, heads: 1, headDim: 6 } }],
  ['a dense first layer', { ...TINY_SPEC, layers: [{ window: null, ffn: { kind: 'dense' as const, width: 33 } }, TINY_SPEC.layers[1]!] }],
])('[PL2] what is allocated fits what was planned: %s', (_what, spec) => {
  for (const [tier, trunk, lanes] of [
    ['q8', 'q8', 1],
    ['q4', 'q4', 2],
    ['f32', 'q8', 4],
  ] as const) {
    const limits = stepLimits(spec, 64, lanes)
    const plan = planEngineMemory(spec, tier, limits, { trunk })
    if (!plan.ok) throw new Error(plan.error.message)
    expect(() => createEngineMemory(spec, tier, plan.value, limits, modules, 'auto')).not.toThrow()
  }
})
