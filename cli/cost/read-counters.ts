import parse from 'parse-prometheus-text-format'
import { z } from 'zod'
import type { ServiceCounters } from '../../shared/cost/measured-cost.ts'
import { METRIC_PREFIX, METRICS } from '../../shared/protocol/metric-names.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { CliError } from '../errors.ts'
import { fetchText } from '../load/fetch-text.ts'

/** One look at a running service. */
export interface Reading {
  readonly counters: ServiceCounters
  readonly warmHosts: number
}

const CHARS_MAX = 16 * 1024 * 1024
const REQUEST_MS_MAX = 10_000

const Labels = z.record(z.string(), z.string())
const Families = z.array(z.object({ name: z.string(), metrics: z.array(z.object({ value: z.string().optional(), labels: Labels.optional() })) })).max(1024)
type Families = z.output<typeof Families>

/** Reads /metrics. Throws `server-refused` where it does not answer, or not as isomoe does. */
export async function readCounters(server: string, adminKey: string | null): Promise<Reading> {
  const url = `${server}/metrics`
  const page = await fetchText(url, { apiKey: adminKey, signal: AbortSignal.timeout(REQUEST_MS_MAX), charsMax: CHARS_MAX })
  if (page.text !== null) return parseCounters(page.text, url)
  throw new CliError('server-refused', `${url}: ${page.reason}${/^status 40[13]$/.test(page.reason) ? ': an admin key is needed (--admin-key)' : ''}`)
}

/** @param where for the error. */
export function parseCounters(text: string, where: string): Reading {
  const families = parseFamilies(text, where)
  const total = (metric: { readonly name: string }) => sumOf(families, metric.name, where)
  return {
    counters: {
      requests: total(METRICS.requests),
      promptTokens: total(METRICS.promptTokens),
      generatedTokens: total(METRICS.generationTokens),
      steps: total(METRICS.steps),
      stepSeconds: total(METRICS.stepSeconds),
      hostCalls: total(METRICS.hostCalls),
      expertLoads: total(METRICS.hostLoads),
      storageBytes: total(METRICS.hostStorageBytes),
    },
    warmHosts: sumOf(families, METRICS.hosts.name, where, { state: 'warm' }),
  }
}

function parseFamilies(text: string, where: string): Families {
  let parsed: unknown
  try {
    parsed = parse(text)
  } catch (error) {
    throw notMetrics(where, String(error))
  }
  const families = Families.safeParse(parsed)
  if (!families.success) throw notMetrics(where, 'it is no page of metrics')
  return families.data
}

/** Over all series of a metric. A family that is there without a series has counted nothing. */
function sumOf(families: Families, name: string, where: string, labels: Readonly<Record<string, string>> = {}): number {
  const family = families.find((known) => known.name === METRIC_PREFIX + name)
  if (!family) throw notMetrics(where, `${METRIC_PREFIX}${name} is missing`)
  const series = family.metrics.filter((metric) => Object.entries(labels).every(([label, value]) => metric.labels?.[label] === value))
  if (series.length > LIMITS.hostsMax * 4) throw notMetrics(where, `${METRIC_PREFIX}${name} has ${series.length} series`)
  const sum = series.reduce((total, { value }) => total + Number(value ?? NaN), 0)
  if (!Number.isFinite(sum) || sum < 0) throw notMetrics(where, `${METRIC_PREFIX}${name} is no number`)
  return sum
}

function notMetrics(where: string, why: string): CliError {
  return new CliError('server-refused', `${where}: ${why}`)
}
