// Static imports: workerd refuses to compile WASM at run time. With `--kernels plain` the dev command points the first at the second's file.
import plain from '../wasm/build/kernels.plain.wasm'
import relaxed from '../wasm/build/kernels.relaxed.wasm'
import type { KernelModules } from '../wasm/src/kernels.ts'

export const KERNEL_MODULES: KernelModules = { relaxed, plain }
