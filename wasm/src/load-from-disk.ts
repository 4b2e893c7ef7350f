import { readFile } from 'node:fs/promises'
import type { KernelModules } from './kernels.ts'

/** Compiles both builds of the kernels from wasm/build, for Node: the CLI and the tests. Workers import the modules instead. */
export async function loadKernelModules(): Promise<KernelModules> {
  const [relaxed, plain] = await Promise.all([readBuild('relaxed'), readBuild('plain')])
  return { relaxed: WebAssembly.validate(relaxed) ? await WebAssembly.compile(relaxed) : null, plain: await WebAssembly.compile(plain) }
}

function readBuild(variant: 'relaxed' | 'plain'): Promise<Buffer<ArrayBuffer>> {
  return readFile(new URL(`../build/kernels.${variant}.wasm`, import.meta.url)) as Promise<Buffer<ArrayBuffer>>
}
