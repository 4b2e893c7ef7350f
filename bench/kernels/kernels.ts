import type { Miniflare } from 'miniflare'
import { startBenchWorkers } from '../bench-workers.ts'
import { RATIO, ratios } from '../figures.ts'
import type { BenchOptions, BenchResult, Figure } from '../figures.ts'
import { buildLimits } from './build-limits.ts'
import type { Round, Sample } from './worker/round.ts'

/** Of one job in a round. The stopwatch is good to some 20 µs, and a job's longest call is a few milliseconds. */
const WINDOW_MS = { full: 25, quick: 15 }
const ROUNDS = { full: 9, quick: 1 }
/** Bytes of a weight: records of 256 weights, 144 bytes and, for the lo plane, 128 more. */
const BYTES_PER_WEIGHT = { q4: 144 / 256, q8: 272 / 256 }

/** Times the kernels in workerd: nowhere else do they become the same machine code. Every job once a round, so ratios pair neighbours in time. */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const mode = quick ? 'quick' : 'full'
  await buildLimits()
  const miniflare = await startBenchWorkers('bench/kernels/worker/worker.ts', ['bench-kernels'])
  try {
    await askRound(miniflare, WINDOW_MS[mode]) // V8 compiles a kernel with its optimising compiler only after it has run for a while
    const rounds: Round[] = []
    for (let i = 0; i < ROUNDS[mode]; i++) rounds.push(await askRound(miniflare, WINDOW_MS[mode]))
    return { outcomes: figuresOf(rounds) }
  } finally {
    await miniflare.dispose()
  }
}

async function askRound(miniflare: Miniflare, windowMs: number): Promise<Round> {
  const query = new URLSearchParams({ window: String(windowMs) })
  const response = await miniflare.dispatchFetch(`http://bench/?${query}`)
  if (!response.ok) throw new Error(`the bench worker answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as Round
}

/** The ratios that have a target first, then every job's own rate. */
export function figuresOf(rounds: readonly Round[]): Figure[] {
  const { variant, samples } = rounds[0]!
  const column = (id: string) => rounds.map((round) => find(round.samples, id).rate)
  const kernel = (name: string) => column(`kernels.${variant}.${name}`)
  const overRead = (name: 'q4' | 'q8', order: 'out' | 'experts') =>
    ratios(
      kernel(`${name}.gemv.${order}`).map((rate) => rate * BYTES_PER_WEIGHT[name]),
      column('kernels.read2.out'),
    )
  const note = `${variant} kernels`
  return [
    { id: 'kernels.q4.gemv_over_read', unit: RATIO, samples: overRead('q4', 'out'), note },
    { id: 'kernels.q4.gemv_experts_over_read', unit: RATIO, samples: overRead('q4', 'experts'), note },
    { id: 'kernels.q8.gemv_over_read', unit: RATIO, samples: overRead('q8', 'out'), note },
    { id: 'kernels.q8.gemv_experts_over_read', unit: RATIO, samples: overRead('q8', 'experts'), note },
    { id: 'kernels.q4.gemm8_over_peak', unit: RATIO, samples: ratios(kernel('q4.gemm8.out'), column('kernels.dot_peak')), note },
    ...samples.map(({ id, unit }) => ({ id, unit, samples: column(id) })),
  ]
}

function find(samples: readonly Sample[], id: string): Sample {
  const sample = samples.find((other) => other.id === id)
  if (!sample) throw new Error(`the bench worker measured no ${id}`)
  return sample
}
