import type { RequestSink } from './request-log.ts'
import type { RequestLine } from './request-record.ts'

/** The part of a Workers Analytics Engine dataset that is used. */
export interface AnalyticsDataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void
}

/** Of an index 96 bytes are taken; a character has three at most. */
const INDEX_CHARS_MAX = 32

/** A line of JSON. Errors go where the platform expects errors. */
export const consoleSink: RequestSink = (line) => (line.level === 'error' ? console.error : console.log)(JSON.stringify(line))

/** A data point a request, its fields in this order (docs/design/metrics.md); -1 stands for what there was not. Without a dataset: nothing. */
export function analyticsSink(dataset: AnalyticsDataset | undefined): RequestSink {
  return (line) => dataset?.writeDataPoint(dataPoint(line))
}

export function dataPoint(line: RequestLine): Parameters<AnalyticsDataset['writeDataPoint']>[0] {
  const { key, route, code, model, finish_reasons: reasons, request_id: id } = line
  return {
    indexes: [(key ?? '').slice(0, INDEX_CHARS_MAX)],
    blobs: [route ?? '', code ?? '', key ?? '', model ?? '', reasons.map((reason) => reason ?? '').join(','), id, line.method],
    doubles: [
      line.status,
      line.prompt_tokens,
      line.completion_tokens,
      line.cached_tokens,
      reasons.length,
      line.queue_ms ?? -1,
      line.ttft_ms ?? -1,
      line.total_ms,
      Number(line.stream),
      Number(line.aborted),
    ],
  }
}
