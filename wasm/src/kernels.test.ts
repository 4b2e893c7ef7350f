import { expect, it } from 'vitest'
import { createMemory } from './arena.ts'
import { instantiateKernels, parseKernelChoice } from './kernels.ts'
import type { KernelExports } from './kernel-exports.ts'
import { loadKernelModules } from './load-from-disk.ts'
import { isRelaxedDotExact } from './probe.ts'

const modules = await loadKernelModules()
const relaxed = modules.relaxed!
const NAMES = [
  'add_rows argmax attention_f32 attention_i8 axpy clamp_row combine_rows dot_f32 exp_row gather_rows gemm_f32 gemm_q4 gemm_q8 gemv_f32 gemv_q4 gemv_q8 quantize_rows',
  'prepare_heads rmsnorm rope router_topk row_f32 row_q4 row_q8 scale_row sigmoid silu_mul softmax_row split_heads zero_row',
].flatMap((line) => line.split(' '))

it('[NU3] both builds export the same kernels and import nothing but the memory', () => {
  for (const module of [relaxed, modules.plain]) {
    expect(
      WebAssembly.Module.exports(module)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(NAMES.toSorted())
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }])
  }
})

it('[RE4] instantiating writes nothing to the memory: the kernels have no data of their own', () => {
  for (const variant of ['relaxed', 'plain'] as const) {
    const memory = createMemory(2 ** 17)
    new Uint8Array(memory.buffer).fill(171)
    instantiateKernels(modules, memory, variant).sigmoid(1)
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 171)).toBe(true)
  }
})

it('[NU3] auto takes the relaxed build, whose dots are exact here, without touching the memory', () => {
  const memory = createMemory(2 ** 16)
  const kernels = instantiateKernels(modules, memory, 'auto')
  expect(kernels.variant).toBe('relaxed')
  expect(new Uint32Array(memory.buffer).every((word) => word === 0)).toBe(true)
})

it('[NU3] auto takes the plain build where relaxed SIMD is absent; asking for relaxed there throws', () => {
  const without = { relaxed: null, plain: modules.plain }
  expect(instantiateKernels(without, createMemory(0), 'auto').variant).toBe('plain')
  expect(() => instantiateKernels(without, createMemory(0), 'relaxed')).toThrow(/no relaxed SIMD/)
})

it('[NU3] a choice is taken as it is, and an unknown one throws', () => {
  expect(instantiateKernels(modules, createMemory(0), 'plain').variant).toBe('plain')
  expect(instantiateKernels(modules, createMemory(0), 'relaxed').variant).toBe('relaxed')
  expect(parseKernelChoice('plain')).toBe('plain')
  expect(() => parseKernelChoice('fast')).toThrow(/'fast' is not auto, relaxed or plain/)
})

it('[NU3] the probe accepts exact dots and refuses dots that saturate, in either kernel', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
  const exact = new WebAssembly.Instance(modules.plain, { env: { memory } }).exports as unknown as KernelExports
  expect(isRelaxedDotExact(exact, exact, memory)).toBe(true)
  for (const name of ['gemv_q4', 'gemv_q8'] as const) {
    expect(isRelaxedDotExact({ ...exact, [name]: saturating(exact, name, memory) }, exact, memory)).toBe(false)
  }
})

/** What a CPU would do whose dot limits sums to 16 bits one step too early. */
function saturating(exact: KernelExports, name: 'gemv_q4' | 'gemv_q8', memory: WebAssembly.Memory): (...args: number[]) => void {
  const yIndex = name === 'gemv_q4' ? 2 : 3
  return (...args) => {
    ;(exact[name] as (...args: number[]) => void)(...args)
    const y = new Float32Array(memory.buffer, args[yIndex], args[yIndex + 1])
    y.forEach((sum, row) => (y[row] = Math.max(-16000, Math.min(16000, sum))))
  }
}
