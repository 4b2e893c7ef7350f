import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { bundleWorker } from '../../cli/dev/bundle.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { buildLimits } from '../kernels/build-limits.ts'

/** Reads memory in workerd, nothing else: the limit of every kernel that streams weights. */
export interface ReadBench {
  /** Bytes a second of one pass over memory that no cache holds, as two streams. */
  bytesPerSecond(): Promise<number>
  stop(): Promise<void>
}

export async function startReadBench(): Promise<ReadBench> {
  await buildLimits()
  const modules = await bundleWorker(join(REPOSITORY, 'bench/workers/read.ts'), new Map())
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ host: '127.0.0.1', port: 0, cf: false, workers: [{ name: 'read', modules, compatibilityDate: '2026-10-01' }] }),
  )
  const url = await miniflare.ready
  async function bytesPerSecond(): Promise<number> {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`read bench: ${response.status} ${await response.text()}`)
    return (await response.json()) as number
  }
  try {
    await bytesPerSecond() // V8 compiles the kernel with its optimising compiler only after it has run for a while
  } catch (error) {
    await miniflare.dispose()
    throw error
  }
  return { bytesPerSecond, stop: () => miniflare.dispose() }
}
