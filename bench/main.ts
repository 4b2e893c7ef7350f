import { writeFile } from 'node:fs/promises'
import { Argument, Command } from 'commander'
import { benchReport, markdownTable } from './figures.ts'
import type { BenchOptions, BenchResult } from './figures.ts'

/** Every bench, loaded when it is asked for. */
const BENCHES: Readonly<Record<string, () => Promise<{ run(options: BenchOptions): Promise<BenchResult> }>>> = {
  kernels: () => import('./kernels/kernels.ts'),
  copy: () => import('./copy/copy.ts'),
  attention: () => import('./attention.ts'),
  model: () => import('./model/model.ts'),
  peers: () => import('./peers/peers.ts'),
  journal: () => import('./journal/journal.ts'),
  serve: () => import('./serve/serve.ts'),
  cost: () => import('./cost/cost.ts'),
  plan: () => import('./plan/plan.ts'),
  processes: () => import('./processes/processes.ts'),
  elastic: () => import('./elastic/elastic.ts'),
  tokenizers: () => import('./tokenizers/tokenizers.ts'),
}

await new Command('bench')
  .description('Measures isomoe on this machine. Prints a Markdown table; every figure is min, median and max over interleaved rounds of one run.')
  .addArgument(new Argument('<name>', 'what to measure').choices(Object.keys(BENCHES)))
  .option('--json <file>', 'also write the figures as JSON')
  .option('--markdown <file>', 'elastic: also write the results by strategy as a Markdown table')
  .option('--svg <file>', 'elastic: also draw its strategies over one time axis')
  .option('--quick', 'smallest sizes, fewest rounds: a smoke test of the bench itself', false)
  .action(async (name: string, { json, ...options }: BenchOptions & { json?: string }) => {
    const { run } = await BENCHES[name]!()
    const report = benchReport(await run(options), options)
    if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`)
    process.stdout.write(markdownTable(report))
  })
  .parseAsync()
