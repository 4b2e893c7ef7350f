import limitsModule from '../../../wasm/build/bench-limits.wasm'
import { KERNEL_VARIANTS, instantiateKernels } from '../../../wasm/src/kernels.ts'
import { KERNEL_MODULES } from '../../../workers/kernel-modules.ts'
import { createBenchMemory } from './bench-memory.ts'
import { gemmJobs, gemvJobs, peakJob, readJobs } from './jobs.ts'
import type { Job, Limits } from './jobs.ts'
import type { Round, Sample } from './round.ts'
import { Stopwatch } from './stopwatch.ts'

/** Made at the first request: at script start, workerd's clock stands still. */
let bench: ReturnType<typeof createBench> | undefined

/** GET /?window=<ms>&only=<regex>: one round, each job for about `window` milliseconds. */
export default {
  fetch(request: Request): Response {
    bench ??= createBench()
    const { searchParams } = new URL(request.url)
    const windowMs = Number(searchParams.get('window'))
    const only = new RegExp(searchParams.get('only') ?? '')
    const watch = new Stopwatch(Date.now)
    const jobs = bench.jobs.filter(({ id }) => only.test(id))
    return Response.json({ variant: bench.variant, samples: jobs.map((job) => measure(job, watch, windowMs)) } satisfies Round)
  },
}

/** In an order that puts what is compared beside each other: GEMV after the reads, GEMM after the peak; the variants that nobody takes here last. */
function createBench() {
  const memory = createBenchMemory()
  const limits = new WebAssembly.Instance(limitsModule, { env: { memory: memory.memory } }).exports as unknown as Limits
  const kernels = instantiateKernels(KERNEL_MODULES, memory.memory, 'auto')
  const others = KERNEL_VARIANTS.filter((variant) => variant !== kernels.variant).map((variant) => instantiateKernels(KERNEL_MODULES, memory.memory, variant))
  const jobs = [
    ...readJobs(memory, limits),
    ...gemvJobs(memory, kernels),
    peakJob(limits),
    ...gemmJobs(memory, kernels),
    ...others.flatMap((other) => [...gemvJobs(memory, other), ...gemmJobs(memory, other)]),
  ]
  return { variant: kernels.variant, jobs }
}

function measure(job: Job, watch: Stopwatch, windowMs: number): Sample {
  let work = 0
  watch.start()
  do work += job.call()
  while (watch.elapsedMs < windowMs)
  return { id: job.id, unit: job.unit, rate: work / (watch.stop() * 1e6) }
}
