import asc from 'assemblyscript/asc'
import { REPOSITORY } from '../../cli/repository.ts'

/** Compiles the bench's own kernels, with the flags of scripts/build-wasm.mjs. Takes a second; nothing else needs them. */
export async function buildLimits(): Promise<void> {
  const flags = ['-O1', '--runtime', 'stub', '--importMemory', '--noExportMemory', '--noAssert', '--enable', 'simd', '--enable', 'relaxed-simd']
  const { error, stderr } = await asc.main(['bench/kernels/assembly/limits.ts', ...flags, '--baseDir', REPOSITORY, '--outFile', 'wasm/build/bench-limits.wasm'])
  if (error) throw new Error(`bench kernels did not compile: ${stderr.toString()}`, { cause: error })
}
