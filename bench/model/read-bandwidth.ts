import { startBenchWorkers } from '../bench-workers.ts'
import { buildLimits } from '../kernels/build-limits.ts'

/** Reads memory in workerd, nothing else: the limit of every kernel that streams weights. */
export interface ReadBench {
  /** Bytes a second of one pass over memory that no cache holds, as two streams. */
  bytesPerSecond(): Promise<number>
  stop(): Promise<void>
}

export async function startReadBench(): Promise<ReadBench> {
  await buildLimits()
  const miniflare = await startBenchWorkers('bench/workers/read.ts', ['read'])
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
