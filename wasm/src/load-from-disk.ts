import { readFile } from 'node:fs/promises'
import type { KernelModules, KernelVariant } from './kernels.ts'

/** Compiles the builds of the kernels from wasm/build, for Node: the CLI and the tests. Workers import the modules instead. */
export async function loadKernelModules(): Promise<KernelModules> {
  const [vnni, relaxed, i16, plain] = await Promise.all([compile('vnni'), compile('relaxed'), compile('i16'), compile('plain')])
  if (!plain) throw new Error('kernels: this runtime has no SIMD')
  return { vnni, relaxed, i16, plain }
}

/** Null where this runtime does not know an instruction of the build. */
async function compile(variant: KernelVariant): Promise<WebAssembly.Module | null> {
  const bytes = await readBuild(variant)
  return WebAssembly.validate(bytes) ? WebAssembly.compile(bytes) : null
}

function readBuild(variant: KernelVariant): Promise<Buffer<ArrayBuffer>> {
  return readFile(new URL(`../build/kernels.${variant}.wasm`, import.meta.url)) as Promise<Buffer<ArrayBuffer>>
}
