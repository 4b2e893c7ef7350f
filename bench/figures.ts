import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { REPOSITORY } from '../cli/repository.ts'

/** Unit of every figure that is one thing over another. */
export const RATIO = '×'

/** One measured figure: a sample a round, all rounds of a bench interleaved in one run. `id` is stable: people compare runs by it. */
export interface Figure {
  readonly id: string
  readonly unit: string
  /** At least one. */
  readonly samples: readonly number[]
  /** What a reader must know beside the number: "arena limit lifted", "emulated round trip". */
  readonly note?: string
}

/** A figure that could not be measured here, and why. Never left out silently. */
export interface Missing {
  readonly id: string
  readonly missing: string
}

export type Outcome = Figure | Missing

/** What a bench gives. `peers`: versions of the software measured beside ours. */
export interface BenchResult {
  readonly outcomes: readonly Outcome[]
  readonly peers?: Readonly<Record<string, string>>
}

export interface BenchOptions {
  /** Smallest sizes and fewest rounds that still give every row: a smoke test, no measurement. */
  readonly quick: boolean
  /** Where a bench that has them writes its results as a table by strategy, and its chart. */
  readonly markdown?: string
  readonly svg?: string
}

/** Min, median and max of a figure's rounds. The median of an even count is the mean of the middle two. */
export function summarize(samples: readonly number[]): { readonly min: number; readonly median: number; readonly max: number } {
  if (samples.length === 0) throw new Error('a figure without a sample')
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { min: sorted[0]!, median, max: sorted.at(-1)! }
}

/** Round by round a / b: a ratio's spread comes from pairs measured beside each other, not from two medians. */
export function ratios(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) throw new Error(`rounds differ: ${a.length} and ${b.length}`)
  return a.map((value, round) => value / b[round]!)
}

/** The JSON of a run. */
export function benchReport(result: BenchResult, options: Pick<BenchOptions, 'quick'>) {
  const fromMiniflare = createRequire(createRequire(import.meta.url).resolve('miniflare')) // workerd is its dependency, not ours
  const meta = {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    workerd: (fromMiniflare('workerd/package.json') as { version: string }).version,
    peers: result.peers ?? {},
    quick: options.quick,
  }
  const figures = result.outcomes.map((outcome) =>
    'missing' in outcome
      ? { id: outcome.id, missing: outcome.missing }
      : {
          id: outcome.id,
          unit: outcome.unit,
          ...summarize(outcome.samples),
          rounds: outcome.samples.length,
          ...(outcome.note === undefined ? {} : { note: outcome.note }),
        },
  )
  return { meta, figures }
}

export type BenchReport = ReturnType<typeof benchReport>

/** The Markdown table of a run. */
export function markdownTable({ meta, figures }: BenchReport): string {
  const rows = figures.map((figure) =>
    'missing' in figure
      ? `| ${figure.id} | | | | | | not measured: ${figure.missing} |`
      : `| ${figure.id} | ${figure.unit} | ${short(figure.min, figure.unit)} | **${short(figure.median, figure.unit)}** | ${short(figure.max, figure.unit)} | ${figure.rounds} | ${figure.note ?? ''} |`,
  )
  const peers = Object.entries(meta.peers).map(([name, version]) => `, ${name} ${version}`)
  const where = `${meta.date.slice(0, 10)}, ${meta.cpu}, node ${meta.node}, workerd ${meta.workerd}${peers.join('')}, commit ${meta.commit}`
  const quick = meta.quick ? ' **--quick: a smoke test, not a measurement.**' : ''
  return ['| figure | unit | min | median | max | rounds | |', '|---|---|---|---|---|---|---|', ...rows, '', `${where}.${quick}`, ''].join('\n')
}

/** Three significant digits, four of a ratio (of 1.003 the 3 is what matters); whole numbers from 1000 on. */
function short(value: number, unit: string): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toString() : String(Number(value.toPrecision(unit === RATIO ? 4 : 3)))
}

/** The commit measured, with a plus where files differ from it. */
function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+')
  } catch {
    return 'unknown' // an unpacked archive has no history: the report says so
  }
}
