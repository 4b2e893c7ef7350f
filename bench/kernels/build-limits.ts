import asc from 'assemblyscript/asc'
import { REPOSITORY } from '../../cli/repository.ts'
import { RELAXED_FLAGS } from '../../scripts/wasm-flags.mjs'

/** Compiles the bench's own kernels with the flags of the product's, so that no limit is handicapped. Takes a second; nothing else needs them. */
export async function buildLimits(): Promise<void> {
  const files = ['bench/kernels/assembly/limits.ts', '--baseDir', REPOSITORY, '--outFile', 'wasm/build/bench-limits.wasm']
  const { error, stderr } = await asc.main([...files, ...RELAXED_FLAGS])
  if (error) throw new Error(`bench kernels did not compile: ${stderr.toString()}`, { cause: error })
}
