import fc from 'fast-check'
import { expect, it } from 'vitest'
import { NOTHING_COUNTED } from '../../../test/contract/fake-autoscaler.ts'
import { testGateway } from '../../../test/contract/test-gateway.ts'
import { readExposition, valueOf } from '../../../test/fixtures/exposition.ts'
import { METRICS, METRIC_PREFIX } from '../../../shared/protocol/metric-names.ts'
import type { MetricsSnapshot } from '../../../shared/protocol/metrics-api.ts'
import { HISTOGRAM_BOUNDS, HISTOGRAM_NAMES, NO_REQUEST_WORK } from '../../../shared/protocol/request-work.ts'
import type { RequestWork } from '../../../shared/protocol/request-work.ts'
import { moeError } from '../../../shared/protocol/errors.ts'
import { metricsText } from './metrics-text.ts'

const names = Object.values(METRICS).map(({ name }) => METRIC_PREFIX + name)

it('[MT4] every metric is there from the beginning, with HELP and TYPE, whatever was counted', async () => {
  const page = readExposition(await metricsText(NOTHING_COUNTED))
  expect(Array.from(page.types.keys())).toEqual(names)
  expect(new Set(names).size).toBe(names.length)
  expect(valueOf(page, 'isomoe:request_success_total', { finished_reason: 'abort' })).toBe(0)
})

it('[MT4] the route answers in the text format of Prometheus, or with the error', async () => {
  const { app, autoscaler } = testGateway()
  const response = await app.request('/metrics')
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(valueOf(readExposition(await response.text()), 'isomoe:placement_epoch')).toBe(1)
  autoscaler.refusal = moeError('storage-unavailable', 'R2 is away', { object: 'manifest.json' })
  expect((await app.request('/metrics')).status).toBe(503)
  autoscaler.isLost = true
  expect(await (await app.request('/metrics')).json()).toMatchObject({ error: { code: 'host_unavailable' } })
})

const amount = fc.nat(1e9)
const arbName = fc.string({ minLength: 1, unit: 'grapheme' })
const arbHistograms = fc.record(
  Object.fromEntries(
    HISTOGRAM_NAMES.map((name) => [
      name,
      fc.record({ counts: fc.array(amount, { minLength: HISTOGRAM_BOUNDS[name].length + 1, maxLength: HISTOGRAM_BOUNDS[name].length + 1 }), sum: amount }),
    ]),
  ),
) as unknown as fc.Arbitrary<RequestWork['histograms']>

it('[MT4] a parser that is not ours reads back what was counted, whatever hosts, codes and the model are called', async () => {
  const arbHost = fc.record({ host: arbName, code: arbName, pairs: amount, bytes: amount })
  const arb = fc.record({
    model: arbName,
    hosts: fc.uniqueArray(arbHost, { selector: ({ host }) => host, maxLength: 4 }),
    tokens: amount,
    histograms: arbHistograms,
  })
  await fc.assert(
    fc.asyncProperty(arb, async ({ model, hosts, tokens, histograms }) => {
      const work = (bytes: number) => ({ frames: 1, pairs: 1, loads: 2, drops: 1, storageBytes: bytes, peerBytes: 0 })
      const snapshot: MetricsSnapshot = {
        ...NOTHING_COUNTED,
        model,
        requests: { ...NO_REQUEST_WORK, generationTokens: tokens, histograms },
        hosts: hosts.map(({ host, code, pairs, bytes }) => ({
          host,
          state: 'warm',
          served: { calls: 1, pairs, rttSumMs: 1500, hedged: 0, faults: { [code]: 3 } },
          work: work(bytes),
          isolates: 1,
          report: null,
        })),
      }
      const page = readExposition(await metricsText(snapshot))
      for (const samples of page.series.values()) for (const { labels } of samples) expect(labels['model_name']).toBe(model)
      expect(valueOf(page, 'isomoe:generation_tokens_total')).toBe(tokens)
      for (const { host, code, pairs, bytes } of hosts) {
        expect(valueOf(page, 'isomoe:host_pairs_total', { host })).toBe(pairs)
        expect(valueOf(page, 'isomoe:host_storage_bytes_total', { host })).toBe(bytes)
        expect(valueOf(page, 'isomoe:host_call_seconds_total', { host })).toBe(1.5)
        expect(valueOf(page, 'isomoe:host_faults_total', { host, code })).toBe(3)
      }
      const ttft = histograms.timeToFirstTokenMs
      expect(valueOf(page, 'isomoe:time_to_first_token_seconds_count')).toBe(ttft.counts.reduce((sum, count) => sum + count, 0))
      expect(valueOf(page, 'isomoe:time_to_first_token_seconds_bucket', { le: '0.005' })).toBe(ttft.counts[0]! + ttft.counts[1]!)
    }),
    { numRuns: 50 },
  )
})
