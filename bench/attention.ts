import type { Miniflare } from 'miniflare'
import type { AttentionRun } from './attention-run.ts'
import { startBenchWorkers } from './bench-workers.ts'
import type { BenchOptions, BenchResult, Figure } from './figures.ts'
import { Samples } from './samples.ts'

const CASES = [
  { id: 'decode256', kind: 'decode', positions: 256, sequences: 1 },
  { id: 'decode1024', kind: 'decode', positions: 1024, sequences: 1 },
  { id: 'decode4096', kind: 'decode', positions: 4096, sequences: 1 },
  { id: 'decode256x16', kind: 'decode', positions: 256, sequences: 16 },
  { id: 'prefill512', kind: 'prefill', positions: 512, sequences: 1 },
] as const
const PAGES = { i8: 'q8', f32: 'f32' } as const
type Pages = keyof typeof PAGES
type Case = (typeof CASES)[number]
/** Clocks stand still inside a worker, so requests are timed from outside: long enough that the way there counts little. */
const REQUEST_MS = { full: 200, quick: 20 }
const ROUNDS = { full: 7, quick: 1 }

/**
 * Attention alone (RoPE, storing keys and values, scores, softmax, values) in the 16 layers of the peers' synthetic model, in workerd:
 * microseconds a token over int8 pages beside f32 pages. Prefill takes a prompt in chunks of 64 tokens.
 */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const mode = quick ? 'quick' : 'full'
  const miniflare = await startBenchWorkers('bench/workers/attention.ts', ['i8', 'f32'])
  try {
    const outcomes: Figure[] = []
    const samples = new Samples()
    for (const attention of CASES) {
      const i8 = await timerOf(miniflare, 'i8', attention, REQUEST_MS[mode])
      const f32 = await timerOf(miniflare, 'f32', attention, REQUEST_MS[mode])
      for (let round = 0; round < ROUNDS[mode]; round++) {
        samples.add(`i8.${attention.id}`, await i8())
        samples.add(`f32.${attention.id}`, await f32())
      }
      for (const pages of ['i8', 'f32']) outcomes.push(samples.figure(`attention.${pages}.${attention.id}`, 'µs/token', `${pages}.${attention.id}`))
      outcomes.push(samples.ratio(`attention.${attention.id}.f32_over_i8`, `f32.${attention.id}`, `i8.${attention.id}`))
    }
    return { outcomes }
  } finally {
    await miniflare.dispose()
  }
}

/** A stopwatch: one request each, µs a token. It is warm: V8 compiles a kernel with its optimising compiler only after it has run for a while. */
async function timerOf(miniflare: Miniflare, pages: Pages, { kind, positions, sequences }: Case, requestMs: number): Promise<() => Promise<number>> {
  const worker = await miniflare.getWorker(pages)
  async function request(repeats: number): Promise<number> {
    const run: AttentionRun = { tier: PAGES[pages], kind, positions, sequences, repeats }
    const start = performance.now()
    const response = await worker.fetch('http://bench/', { method: 'POST', body: JSON.stringify(run) })
    if (!response.ok) throw new Error(`the bench worker answered ${response.status}: ${await response.text()}`)
    await response.text()
    return performance.now() - start
  }
  /** Of three: what else the machine does only adds. */
  async function fastest(repeats: number): Promise<number> {
    return Math.min(await request(repeats), await request(repeats), await request(repeats))
  }
  await request(1) // makes the memory and fills it
  let repeats = 1
  while ((await fastest(repeats)) < requestMs) repeats *= 2
  const tokens = repeats * (kind === 'decode' ? sequences : positions)
  return async () => {
    const way = await fastest(0)
    return (((await request(repeats)) - way) * 1000) / tokens
  }
}
