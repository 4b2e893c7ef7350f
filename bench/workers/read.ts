import limitsModule from '../../wasm/build/bench-limits.wasm'
import { createBenchMemory, OUT_OF_CACHE_BYTES } from '../kernels/worker/bench-memory.ts'
import type { Limits } from '../kernels/worker/jobs.ts'

const WINDOW_MS = 150

let read: (() => void) | null = null

/** Answers with bytes a second of the two-stream read of `bench kernels`, over as many bytes. */
export default {
  fetch(): Response {
    read ??= createRead()
    const startMs = performance.now()
    let passes = 0
    let ms = 0
    for (; ms < WINDOW_MS; ms = performance.now() - startMs, passes++) read()
    return Response.json((passes * OUT_OF_CACHE_BYTES) / (ms / 1000))
  },
} satisfies ExportedHandler

function createRead(): () => void {
  const { memory, weights } = createBenchMemory()
  const { read_2_streams } = new WebAssembly.Instance(limitsModule, { env: { memory } }).exports as unknown as Limits
  return () => void read_2_streams(weights, OUT_OF_CACHE_BYTES)
}
