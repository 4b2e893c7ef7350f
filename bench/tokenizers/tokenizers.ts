import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { bpeTokenizer } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import type { TokenizerJson } from '../../shared/core/tokenizer/bpe-tokenizer.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { writeTokenizerFile } from '../../shared/protocol/tokenizer-file.ts'
import { largeTokenizer } from '../../test/fixtures/tokenizers/large-tokenizer.ts'
import { TOKENIZERS, tokenizerBytes } from '../../test/fixtures/tokenizers/load.ts'
import type { BenchOptions, BenchResult, Outcome } from '../figures.ts'
import { withBareWorker } from './bare-workerd.ts'

const SEED = 7
const WAYS = ['library', 'json', 'tables'] as const
/** MB as in the documents of the platform: 10⁶ bytes. */
const MB = 1e6

/** What a tokenizer takes of the gateway's isolate: while it loads, and after; by the library alone, from tokenizer.json, and from tokenizer.bin. */
export async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'isomoe-tokenizers-'))
  try {
    await build({
      entryPoints: [join(import.meta.dirname, 'tokenizer-worker.ts')],
      bundle: true,
      format: 'esm',
      target: 'es2024',
      outfile: join(folder, 'main.mjs'),
      logLevel: 'error',
    })
    const names = quick ? ['mistral_v1' as const] : [...TOKENIZERS, 'large' as const]
    const outcomes: Outcome[] = []
    for (const name of names) {
      const json = name === 'large' ? Buffer.from(JSON.stringify(largeTokenizer(SEED), null, 2)) : tokenizerBytes(name)
      const tables = writeTokenizerFile(bpeTokenizer(JSON.parse(json.toString('utf8')) as TokenizerJson, LIMITS.vocabMax))
      await writeFile(join(folder, 'library'), json)
      await writeFile(join(folder, 'json'), json)
      await writeFile(join(folder, 'tables'), tables)
      for (const way of WAYS) outcomes.push(...(await measure(folder, name, way, way === 'tables' ? tables.byteLength : json.byteLength, quick)))
    }
    return { outcomes }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(folder: string, name: string, way: (typeof WAYS)[number], fileBytes: number, quick: boolean): Promise<Outcome[]> {
  const id = `${name}.${way}`
  const load = `${way}/${way}`
  const held = await withBareWorker(folder, [], async (worker) => {
    const before = await worker.liveBytes()
    await worker.ask(load)
    await worker.ask('cache')
    const after = await worker.liveBytes()
    return { heap: after.heap - before.heap, buffers: after.buffers - before.buffers }
  })
  const bodyBytes = way === 'tables' ? 0 : fileBytes // the tables are views of what was read, and counted as kept
  const heapMiB = await leastHeapMiB(folder, load, quick)
  return [
    { id: `${id}.file_mb`, unit: 'MB', samples: [fileBytes / MB] },
    { id: `${id}.kept_heap_mb`, unit: 'MB', samples: [held.heap / MB], note: 'its cache of pieces full' },
    { id: `${id}.kept_buffers_mb`, unit: 'MB', samples: [held.buffers / MB] },
    { id: `${id}.least_heap_mib`, unit: 'MiB', samples: [heapMiB], note: 'the smallest heap in which it loads' },
    { id: `${id}.peak_mib`, unit: 'MiB', samples: [heapMiB + (held.buffers + bodyBytes) / 2 ** 20], note: 'that heap, the object read and the buffers kept' },
  ]
}

/** By halving, to four percent. A load that does not fit takes its process with it. */
async function leastHeapMiB(folder: string, load: string, quick: boolean): Promise<number> {
  let [low, high] = [2, 256]
  while (high - low > Math.max(1, low * (quick ? 0.5 : 0.04))) {
    const middle = Math.round((low + high) / 2)
    const fits = await withBareWorker(folder, [`--max-heap-size=${middle}`], (worker) => worker.ask(load)).then(
      () => true,
      () => false,
    )
    if (fits) high = middle
    else low = middle
  }
  return high
}
