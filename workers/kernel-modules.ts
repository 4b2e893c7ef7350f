// Static imports: workerd refuses to compile WASM at run time. With `--kernels plain` the dev command points all at the plain file.
import i16 from '../wasm/build/kernels.i16.wasm'
import plain from '../wasm/build/kernels.plain.wasm'
import relaxed from '../wasm/build/kernels.relaxed.wasm'
import vnni from '../wasm/build/kernels.vnni.wasm'
import type { KernelModules } from '../wasm/src/kernels.ts'

export const KERNEL_MODULES: KernelModules = { vnni, relaxed, i16, plain }
