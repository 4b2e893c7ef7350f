import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { bundleWorker } from '../cli/dev/bundle.ts'
import { REPOSITORY } from '../cli/repository.ts'
import type { AttentionRun } from './attention-run.ts'
import { ratios } from './figures.ts'
import type { BenchOptions, BenchResult, Figure } from './figures.ts'

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
const REQUEST_MS = { full: 200, quick: 5 }
const ROUNDS = { full: 7, quick: 1 }

/**
 * Attention alone (RoPE, storing keys and values, scores, softmax, values) in the 16 layers of the peers' synthetic model, in workerd:
 * microseconds a token over int8 pages beside f32 pages. Prefill takes a prompt in chunks of 64 tokens.
 */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const mode = quick ? 'quick' : 'full'
  const modules = await bundleWorker(`${REPOSITORY}/bench/workers/attention.ts`, new Map())
  const worker = (name: Pages) => ({ name, compatibilityDate: '2026-10-01', modules })
  const miniflare = new Miniflare(convertV4MiniflareOptions({ host: '127.0.0.1', port: 0, cf: false, workers: [worker('i8'), worker('f32')] }))
  try {
    const outcomes: Figure[] = []
    for (const attention of CASES) {
      const i8 = await timerOf(miniflare, 'i8', attention, REQUEST_MS[mode])
      const f32 = await timerOf(miniflare, 'f32', attention, REQUEST_MS[mode])
      const samples: Record<Pages, number[]> = { i8: [], f32: [] }
      for (let round = 0; round < ROUNDS[mode]; round++) {
        samples.i8.push(await i8())
        samples.f32.push(await f32())
      }
      for (const pages of ['i8', 'f32'] as const) outcomes.push({ id: `attention.${pages}.${attention.id}`, unit: 'µs/token', samples: samples[pages] })
      outcomes.push({ id: `attention.${attention.id}.f32_over_i8`, unit: 'ratio', samples: ratios(samples.f32, samples.i8) })
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
  await request(1) // makes the memory and fills it
  let repeats = 1
  while ((await request(repeats)) < requestMs) repeats *= 2
  const tokens = repeats * (kind === 'decode' ? sequences : positions)
  return async () => {
    const way = await request(0)
    return (((await request(repeats)) - way) * 1000) / tokens
  }
}
