import type { KernelExports } from './kernel-exports.ts'
import { createProbeMemory, isExact, multipliesSignedBytes } from './probe.ts'

/** The builds of the kernels: forms of the integer dot (wasm/assembly/inline/dot.ts). */
export const KERNEL_VARIANTS = ['vnni', 'relaxed', 'i16', 'plain'] as const
export type KernelVariant = (typeof KERNEL_VARIANTS)[number]
export const KERNEL_CHOICES = ['auto', ...KERNEL_VARIANTS] as const
export type KernelChoice = (typeof KERNEL_CHOICES)[number]

/** The value of the setting KERNELS. Anything else is a mistake of the deployment and throws. */
export function parseKernelChoice(value: string): KernelChoice {
  const choice = KERNEL_CHOICES.find((other) => other === value)
  if (choice === undefined) throw new Error(`kernels: '${value}' is none of ${KERNEL_CHOICES.join(', ')}`)
  return choice
}

/** All builds. Null where the runtime does not know relaxed SIMD or the module was left out on purpose. */
export type KernelModules = { readonly [V in Exclude<KernelVariant, 'plain'>]: WebAssembly.Module | null } & { readonly plain: WebAssembly.Module }

export interface Kernels extends KernelExports {
  /** The build in use. All give the same bits (SPEC NU3): this is for people and metrics. */
  readonly variant: KernelVariant
}

/**
 * The kernels on `memory`. 'auto': the fastest build that is exact on this machine; any other choice is taken without a probe, and throws
 * where there is no such build.
 */
export function instantiateKernels(modules: KernelModules, memory: WebAssembly.Memory, want: KernelChoice): Kernels {
  const variant = want === 'auto' ? chooseVariant(modules) : want
  const module = modules[variant]
  if (!module) throw new Error(`kernels: this runtime has no relaxed SIMD, which '${variant}' needs; use --kernels plain`)
  return { ...instantiate(module, memory), variant }
}

/**
 * Not by a clock: it stands still while a deployed worker computes, and a fresh module's first milliseconds run in V8's baseline compiler,
 * where the order of the variants is another (docs/design/kernels.md). What a dot does beyond its defined range tells which instruction
 * it is, and so how fast: unsigned by signed bytes in 32 bits is one instruction (AVX-VNNI), signed by signed is one (ARM's dot product);
 * anything else is made of several, and then the 16-bit dot takes fewer.
 */
function chooseVariant(modules: KernelModules): KernelVariant {
  const memory = createProbeMemory()
  const plain = instantiate(modules.plain, memory)
  const exact = (variant: 'vnni' | 'relaxed' | 'i16') => modules[variant] !== null && isExact(instantiate(modules[variant], memory), plain, memory)
  if (exact('vnni')) return 'vnni'
  if (modules.vnni && multipliesSignedBytes(instantiate(modules.vnni, memory), memory) && exact('relaxed')) return 'relaxed'
  return exact('i16') ? 'i16' : exact('relaxed') ? 'relaxed' : 'plain'
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): KernelExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports
}
