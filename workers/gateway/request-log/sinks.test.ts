import { expect, it } from 'vitest'
import { testGateway } from '../../../test/contract/test-gateway.ts'
import { analyticsSink } from './sinks.ts'
import type { AnalyticsDataset } from './sinks.ts'

it('[MT8] a request is one data point of bounded fields; without a dataset nothing happens', async () => {
  const { post, lines } = testGateway()
  await post('/v1/completions', { model: 'isomoe-demo', prompt: 'hi', n: 2 })
  const line = { ...lines[0]!, key: '世'.repeat(100), queue_ms: null }
  const points: Parameters<AnalyticsDataset['writeDataPoint']>[0][] = []
  analyticsSink({ writeDataPoint: (point) => points.push(point) })(line)
  analyticsSink(undefined)(line)
  expect(points).toHaveLength(1)
  const { indexes, blobs, doubles } = points[0]!
  expect(new TextEncoder().encode(indexes[0]).byteLength).toBeLessThanOrEqual(96)
  expect(blobs).toEqual(['/v1/completions', '', line.key, 'isomoe-demo', 'stop,stop', 'req_00000001', 'POST'])
  expect(doubles).toEqual([200, line.prompt_tokens, 0, 0, 2, -1, 0, 0, 0, 0])
})
