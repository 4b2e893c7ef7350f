import { expect, it } from 'vitest'
import { createMemory } from './arena.ts'
import { instantiateKernels, KERNEL_VARIANTS, parseKernelChoice } from './kernels.ts'
import type { KernelModules, KernelVariant } from './kernels.ts'
import type { KernelExports } from './kernel-exports.ts'
import { loadKernelModules } from './load-from-disk.ts'
import { createProbeMemory, isExact, multipliesSignedBytes } from './probe.ts'

const modules = await loadKernelModules()
const auto = instantiateKernels(modules, createMemory(0), 'auto').variant
const NAMES = [
  'add_rows argmax attention_f32 attention_i8 axpy clamp_row combine_rows dot_f32 exp_row gather_rows gemm_f32 gemm_q4 gemm_q8 gemv_f32 gemv_q4',
  'gemv_q8 prepare_heads quantize_rows rmsnorm rope router_topk row_f32 row_q4 row_q8 scale_row sigmoid silu_mul softmax_row split_heads',
  'swiglu_f32 swiglu_q4 swiglu_q8',
].flatMap((line) => line.split(' '))

it('[NU3] all builds export the same kernels and import nothing but the memory', () => {
  for (const variant of KERNEL_VARIANTS) {
    const module = modules[variant]!
    expect(
      WebAssembly.Module.exports(module)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(NAMES.toSorted())
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }])
  }
})

it('[RE4] instantiating writes nothing to the memory: the kernels have no data of their own', () => {
  for (const variant of KERNEL_VARIANTS) {
    const memory = createMemory(2 ** 17)
    new Uint8Array(memory.buffer).fill(171)
    instantiateKernels(modules, memory, variant).sigmoid(1)
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 171)).toBe(true)
  }
})

it('[NU3] auto chooses without touching the memory', () => {
  const memory = createMemory(2 ** 16)
  instantiateKernels(modules, memory, 'auto')
  expect(new Uint32Array(memory.buffer).every((word) => word === 0)).toBe(true)
})

it('[NU3] auto takes the next exact build where one is absent, and the plain one without relaxed SIMD; asking for an absent one throws', () => {
  const choose = (absent: Partial<KernelModules>) => instantiateKernels({ ...modules, ...absent }, createMemory(0), 'auto').variant
  expect(choose({ vnni: null })).toBe('i16')
  expect(choose({ vnni: null, i16: null })).toBe('relaxed')
  expect(choose({ vnni: null, i16: null, relaxed: null })).toBe('plain')
  expect(() => instantiateKernels({ ...modules, i16: null }, createMemory(0), 'i16')).toThrow(/no relaxed SIMD, which 'i16' needs/)
})

it('[NU3] a choice is taken as it is, and an unknown one throws', () => {
  for (const variant of KERNEL_VARIANTS) {
    expect(instantiateKernels(modules, createMemory(0), variant).variant).toBe(variant)
    expect(parseKernelChoice(variant)).toBe(variant)
  }
  expect(() => parseKernelChoice('fast')).toThrow(/'fast' is none of auto, vnni, relaxed, i16, plain/)
})

it('[NU3] the probe accepts the builds that are exact by definition', () => {
  const memory = createProbeMemory()
  const plain = exportsOf('plain', memory)
  for (const variant of ['relaxed', 'i16', 'plain'] as const) expect(isExact(exportsOf(variant, memory), plain, memory)).toBe(true)
  expect(isExact(exportsOf('vnni', memory), plain, memory)).toBe(auto === 'vnni')
})

it('[NU3] the probe refuses dots that saturate, in either kernel and with any number of tokens', () => {
  const memory = createProbeMemory()
  const plain = exportsOf('plain', memory)
  for (const kernel of ['gemm_q4', 'gemm_q8'] as const) {
    for (const tokens of [1, 2, 3, 4, 8]) {
      expect(isExact({ ...plain, [kernel]: spoiled(plain, kernel, memory, tokens, (sum) => Math.max(-16000, Math.min(16000, sum))) }, plain, memory)).toBe(
        false,
      )
    }
  }
})

it('[NU3] a machine that takes 8-bit codes as signed is known by its sums, and only such a machine', () => {
  const memory = createProbeMemory()
  const plain = exportsOf('plain', memory)
  expect(multipliesSignedBytes(plain, memory)).toBe(false)
  // All codes are 255, 256 too few when taken as signed; all 32 activations are 127; weights count in sixteenths.
  const signed = spoiled(plain, 'gemm_q8', memory, 2, (sum) => sum - (256 * 127 * 32) / 16)
  expect(multipliesSignedBytes({ ...plain, gemm_q8: signed }, memory)).toBe(true)
})

function exportsOf(variant: KernelVariant, memory: WebAssembly.Memory): KernelExports {
  return new WebAssembly.Instance(modules[variant]!, { env: { memory } }).exports as unknown as KernelExports
}

/** The kernel with every sum changed when it runs with so many tokens. */
function spoiled(
  exact: KernelExports,
  name: 'gemm_q4' | 'gemm_q8',
  memory: WebAssembly.Memory,
  spoiledTokens: number,
  change: (sum: number) => number,
): (...args: number[]) => void {
  const first = name === 'gemm_q4' ? 2 : 3
  return (...args) => {
    ;(exact[name] as (...args: number[]) => void)(...args)
    const [address, rows, , tokens] = args.slice(first)
    const y = new Float32Array(memory.buffer, address, rows! * tokens!)
    if (tokens === spoiledTokens) y.forEach((sum, i) => (y[i] = change(sum)))
  }
}
