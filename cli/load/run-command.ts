import { open, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { InvalidArgumentError } from 'commander'
import { LIMITS } from '../../shared/protocol/limits.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { CliError } from '../errors.ts'
import { readBounded } from '../read-bounded.ts'
import type { Arrivals } from './arrivals.ts'
import { buildReport } from './build-report.ts'
import { MONOTONIC } from './clock.ts'
import type { LoadReport } from './load-report.ts'
import { resolveMix } from './mix.ts'
import type { Domain } from './mix.ts'
import { startLoadProgress } from './load-progress.ts'
import type { ArrivalsOption } from './options.ts'
import { parsePromptLines, readMix } from './read-mix.ts'
import { runLoad } from './run-load.ts'
import type { LoadPlan } from './run-load.ts'
import { createSender, serverRoot } from './send-request.ts'
import type { Api, Target } from './send-request.ts'
import { firstModel } from './server-model.ts'
import type { Slo } from './slo.ts'
import { textReport } from './text-report.ts'
import { parseTrace } from './trace.ts'

export interface LoadCommandOptions {
  readonly url: string
  readonly model?: string
  readonly api: Api
  readonly apiKey?: string
  readonly adminKey?: string
  readonly arrivals: ArrivalsOption
  readonly rateScale: number
  readonly traceFrom: number
  readonly mix: string
  readonly prompts?: string
  readonly duration: number
  readonly warmup: number
  readonly slo?: Slo
  readonly seed: number
  readonly maxTokens: number
  readonly promptTokens?: number
  readonly maxPromptTokens: number
  readonly temperature: number
  readonly ignoreEos?: true
  readonly connections: number
  readonly timeout: number
  readonly report?: string
  readonly svg?: string
  readonly json?: string | true
  readonly requests?: true
}

/** Runs a load and says what came of it. The first Ctrl-C ends the run and reports what there is; the second ends the process. */
export async function runLoadCommand(options: LoadCommandOptions): Promise<void> {
  const apiKey = options.apiKey ?? process.env['ISOMOE_API_KEY'] ?? process.env['OPENAI_API_KEY'] ?? null
  const adminKey = options.adminKey ?? process.env['ISOMOE_ADMIN_KEY'] ?? null
  checkCombination(options)
  const plan = await planOf(options)
  await checkWritable([options.report, options.svg, options.json])
  const target: Target = {
    url: options.url,
    api: options.api,
    model: options.model ?? (await firstModel(options.url, apiKey)),
    apiKey,
    temperature: options.temperature,
    ignoreEos: options.ignoreEos === true,
    keepOutputs: false,
    timeoutMs: options.timeout * 1000,
  }
  const ended = endOnInterrupt()
  const progress = startLoadProgress(plan.warmupMs, plan.durationMs)
  const { send, close } = createSender(target, MONOTONIC.nowMs)
  const startedAt = new Date().toISOString()
  const cluster = { server: serverRoot(options.url), apiKey: adminKey }
  const run = await runLoad(plan, { clock: MONOTONIC, send, cluster, signal: ended.signal, onCounts: progress.say }).finally(() => {
    progress.stop()
    close()
  })
  const report = buildReport({ startedAt, version: packageJson.version, options, plan, target, run })
  await writeDrawings(options, report)
  const json = `${JSON.stringify(report, null, 2)}\n`
  if (typeof options.json === 'string') await writeFile(options.json, json)
  process.stdout.write(options.json === true ? json : textReport(report))
  if (run.interrupted) process.exitCode = 128 + constants.signals.SIGINT
  else if (report.summary.all.ok === 0 && report.summary.all.requests > 0) throw new CliError('nothing-answered', 'no request was answered')
}

/** An option that would do nothing is a mistake that the report would not show. */
function checkCombination({ arrivals, rateScale, traceFrom, requests, json }: LoadCommandOptions): void {
  if (requests && json === undefined) throw new InvalidArgumentError('--requests needs --json.')
  if (arrivals.kind !== 'trace' && (rateScale !== 1 || traceFrom !== 0)) throw new InvalidArgumentError('--rate-scale and --trace-from are for traces.')
}

/** Before the run: a report that cannot be written would be known after an hour of load. */
async function checkWritable(paths: readonly (string | true | undefined)[]): Promise<void> {
  for (const path of paths) if (typeof path === 'string') await (await open(path, 'a')).close()
}

/** Only who wants a drawing waits for the chart library. */
async function writeDrawings({ report: html, svg }: LoadCommandOptions, report: LoadReport): Promise<void> {
  if (html !== undefined) await writeFile(html, (await import('./report/page.ts')).reportPage(report))
  if (svg !== undefined) await writeFile(svg, (await import('./report/chart-file.ts')).chartFile(report))
}

async function planOf(options: LoadCommandOptions): Promise<LoadPlan> {
  const durationMs = options.duration * 1000
  const brought: ReadonlyMap<string, Domain> =
    options.prompts === undefined ? new Map() : parsePromptLines((await readBounded(options.prompts, LIMITS.loadFileBytesMax)).toString(), options.prompts)
  return {
    arrivals: await readArrivals(options),
    mix: resolveMix(await readMix(options.mix), durationMs, brought),
    lengths: { maxTokens: options.maxTokens, maxPromptTokens: options.maxPromptTokens, promptTokens: options.promptTokens ?? null },
    warmupMs: options.warmup * 1000,
    durationMs,
    seed: options.seed,
    connectionsMax: options.connections,
  }
}

async function readArrivals({ arrivals, rateScale, traceFrom }: LoadCommandOptions): Promise<Arrivals> {
  if (arrivals.kind !== 'trace') return arrivals
  const bytes = await readBounded(arrivals.path, LIMITS.loadFileBytesMax).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw new CliError('trace-invalid', `--arrivals: ${arrivals.path} is neither a file nor poisson:R, constant:R or closed:N`)
  })
  const entries = parseTrace(bytes.toString(), arrivals.path)
  return { kind: 'trace', entries, rateScale, fromS: traceFrom }
}

function endOnInterrupt(): AbortController {
  const ended = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (ended.signal.aborted) process.exit(128 + constants.signals[signal])
      ended.abort()
    })
  }
  return ended
}
