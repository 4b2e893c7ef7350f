import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { METRIC_PREFIX, METRICS } from '../../shared/protocol/metric-names.ts'
import type { MeasuredCost } from '../../shared/cost/measured-cost.ts'
import { runCommand } from '../testing/run-command.ts'
import { costCommand } from './command.ts'
import { parseCounters } from './read-counters.ts'

const KEY = 'secret-admin-key'

/** A page as a service shows it that has done `work` requests of 20 tokens. */
function metricsPage(work: number): string {
  const series: [metric: { readonly name: string; readonly type: string }, labels: string, value: number][] = [
    [METRICS.requests, '', work],
    [METRICS.promptTokens, '', 100 * work],
    [METRICS.generationTokens, '', 20 * work],
    [METRICS.steps, '', 20 * work],
    [METRICS.stepSeconds, '', 0.1 * work],
    [METRICS.hostCalls, 'host="expert-00",', 60 * work],
    [METRICS.hostCalls, 'host="expert-01",', 40 * work],
    [METRICS.hostLoads, 'host="expert-00",', work],
    [METRICS.hostStorageBytes, 'host="expert-00",', 1000 * work],
    [METRICS.hosts, 'state="warm",', 2],
    [METRICS.hosts, 'state="standby",', 3],
  ]
  const lines = series.map(([{ name }, labels, value]) => `${METRIC_PREFIX}${name}{${labels}model_name="m"} ${value}\n`)
  const types = [...new Set(series.map(([metric]) => metric))].map(
    ({ name, type }) => `# HELP ${METRIC_PREFIX}${name} x\n# TYPE ${METRIC_PREFIX}${name} ${type}\n`,
  )
  return types.map((type) => type + lines.filter((line) => line.startsWith(type.split(' ')[2]! + '{')).join('')).join('')
}

/** A service that does a request between any two looks at it, unless `pages` says what it shows. */
async function withServer<T>(pages: (look: number) => string, work: (url: string) => Promise<T>): Promise<T> {
  let looks = 0
  const server = createServer((request, response) => {
    const allowed = request.url === '/metrics' && request.headers.authorization === `Bearer ${KEY}`
    response.writeHead(allowed ? 200 : 401).end(allowed ? pages(looks++) : 'no')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.close()
  }
}

const cost = (...args: string[]) => runCommand(costCommand, args)

it('[CO10] a span is what was counted between two looks, priced, with the month that it would make', async () => {
  await withServer(
    (look) => metricsPage(5 + look),
    async (url) => {
      const { status, stdout, lines } = await cost('--url', `${url}/v1`, '--admin-key', KEY, '--window', '0.05s', '--json')
      expect({ status, lines }).toEqual({ status: 0, lines: [] })
      const made = JSON.parse(stdout) as MeasuredCost
      expect(made.counted).toEqual({
        requests: 1,
        promptTokens: 100,
        generatedTokens: 20,
        steps: 20,
        stepSeconds: expect.closeTo(0.1, 9),
        hostCalls: 100,
        expertLoads: 1,
        storageBytes: 1000,
      })
      expect(made.liveObjects).toBe(5)
      expect(made.perMillionOutput!.total).toBeGreaterThan(0)
      expect(made.month!.total).toBeGreaterThan(5)
    },
  )
})

it('[CO10] since the start: one look, durations as a lower bound, no month; a key never shows', async () => {
  await withServer(
    () => metricsPage(3),
    async (url) => {
      const { status, stdout } = await cost('--url', url, '--admin-key', KEY, '--since', 'start')
      expect(status).toBe(0)
      expect(stdout).toMatch(/^Since the service began to count:\nrequests +3\n/)
      expect(stdout).toContain('a lower bound')
      expect(stdout).not.toContain('a month of it')
      const refused = await cost('--url', url, '--admin-key', 'wrong-key', '--since', 'start')
      expect(refused).toEqual({
        status: 1,
        stdout: '',
        lines: [expect.stringMatching(/^isomoe: .*\/metrics: status 401: an admin key is needed \(--admin-key\) \(server-refused\)$/)],
      })
    },
  )
})

it('[CO10] counters that fell are refused', async () => {
  await withServer(
    (look) => metricsPage(5 - look),
    async (url) => {
      const { status, lines } = await cost('--url', url, '--admin-key', KEY, '--window', '0.01')
      expect({ status, lines }).toEqual({ status: 1, lines: [expect.stringContaining('began to count anew within the span')] })
    },
  )
})

it('[CO10] a page that lacks a counter, or has one that is no number, is named', () => {
  const page = metricsPage(1)
  expect(() => parseCounters('<html>', 'here')).toThrow(/^here: isomoe:\S+ is missing|^here: /)
  expect(() => parseCounters(page.replaceAll('isomoe:engine_steps_total', 'vllm:engine_steps_total'), 'here')).toThrow(
    'here: isomoe:engine_steps_total is missing',
  )
  expect(() => parseCounters(page.replace(/(isomoe:engine_steps_total\{[^}]*\}) .*/, '$1 NaN'), 'here')).toThrow('here: isomoe:engine_steps_total is no number')
})
