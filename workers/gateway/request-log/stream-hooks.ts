import type { GatewayDeps } from '../deps.ts'
import { errorEnvelope } from '../http/errors.ts'
import type { SseHooks } from '../http/sse.ts'
import type { RequestRecord } from './request-record.ts'

/** What the stream of an answer needs, its failure noted for the request's line. */
export function streamHooks({ setTimer, log }: Pick<GatewayDeps, 'setTimer' | 'log'>, record: RequestRecord): Pick<SseHooks, 'setTimer' | 'log' | 'failed'> {
  return { setTimer, log, failed: (error) => void (record.code = errorEnvelope(error).error.code) }
}
