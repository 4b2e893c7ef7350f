import type { KernelExports } from './kernel-exports.ts'
import { isRelaxedDotExact } from './probe.ts'

export type KernelVariant = 'relaxed' | 'plain'
export const KERNEL_CHOICES = ['auto', 'relaxed', 'plain'] as const
export type KernelChoice = (typeof KERNEL_CHOICES)[number]

/** The value of the setting KERNELS. Anything else is a mistake of the deployment and throws. */
export function parseKernelChoice(value: string): KernelChoice {
  if (value === 'auto' || value === 'relaxed' || value === 'plain') return value
  throw new Error(`kernels: '${value}' is not auto, relaxed or plain`)
}

/** Both builds. `relaxed` is null where the runtime does not know relaxed SIMD or the module was left out on purpose. */
export interface KernelModules {
  readonly relaxed: WebAssembly.Module | null
  readonly plain: WebAssembly.Module
}

export interface Kernels extends KernelExports {
  /** The build in use. Both give the same bits (SPEC NU3): this is for people and metrics. */
  readonly variant: KernelVariant
}

/**
 * The kernels on `memory`. 'auto': the relaxed build where there is one and its dots are exact here, else the plain one.
 * 'relaxed' and 'plain' take that build without a probe; asking for a relaxed build that is absent throws.
 */
export function instantiateKernels(modules: KernelModules, memory: WebAssembly.Memory, want: KernelChoice): Kernels {
  const variant = want === 'auto' ? chooseVariant(modules) : want
  const module = modules[variant]
  if (!module) throw new Error('kernels: this runtime has no relaxed SIMD; use --kernels plain')
  return { ...instantiate(module, memory), variant }
}

function chooseVariant(modules: KernelModules): KernelVariant {
  if (!modules.relaxed) return 'plain'
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
  return isRelaxedDotExact(instantiate(modules.relaxed, memory), instantiate(modules.plain, memory), memory) ? 'relaxed' : 'plain'
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports
}
