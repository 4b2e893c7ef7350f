import { join } from 'node:path'
import asc from 'assemblyscript/asc'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { bundleWorker } from '../../cli/dev/bundle.ts'
import { REPOSITORY } from '../../cli/repository.ts'

/** Reads memory in workerd, nothing else: the limit of every kernel that streams weights. */
export interface ReadBench {
  /** Bytes a second of one pass over memory that no cache holds, as two streams. */
  bytesPerSecond(): Promise<number>
  stop(): Promise<void>
}

const WASM = 'wasm/build/bench-read.wasm'
const FLAGS = ['-O1', '--runtime', 'stub', '--importMemory', '--noExportMemory', '--noAssert', '--enable', 'simd'] // those of scripts/build-wasm.mjs

export async function startReadBench(): Promise<ReadBench> {
  const { error, stderr } = await asc.main(['bench/model/assembly/read.ts', ...FLAGS, '--baseDir', REPOSITORY, '--outFile', WASM])
  if (error) throw new Error(`the read kernel did not compile: ${stderr.toString()}`, { cause: error })
  const modules = await bundleWorker(join(REPOSITORY, 'bench/workers/read.ts'), new Map())
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ host: '127.0.0.1', port: 0, cf: false, workers: [{ name: 'read', modules, compatibilityDate: '2026-10-01' }] }),
  )
  const url = await miniflare.ready
  return {
    async bytesPerSecond() {
      const response = await fetch(url)
      if (!response.ok) throw new Error(`read bench: ${response.status} ${await response.text()}`)
      return (await response.json()) as number
    },
    stop: () => miniflare.dispose(),
  }
}
