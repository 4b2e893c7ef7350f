import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { LogError } from '../../log.ts'
import type { GatewayEnv } from '../http/request-id.ts'
import { requestLine } from './request-record.ts'
import type { RequestEnd, RequestLine, RequestRecord } from './request-record.ts'
import { watchBody } from './watch-body.ts'

/** Takes the line of each request at its end. */
export type RequestSink = (line: RequestLine) => void

export interface RequestLogDeps {
  readonly nowMs: () => number
  readonly sinks: readonly RequestSink[]
  /** Whether lines have the text of prompts. */
  readonly logPrompts: boolean
  readonly log: LogError
}

export interface RequestLog {
  readonly logPrompts: boolean
  open(id: string, method: string): RequestRecord
  /** Writes the line. Once a request: a second end of it says nothing. */
  close(record: RequestRecord, ending: { readonly route: string | null; readonly status: number; readonly stream: boolean; readonly end: RequestEnd }): void
}

/** As nginx's logs have it: the client left before its answer, so there is no status that it saw, and none to count among the server's faults. */
const CLIENT_LEFT = 499

export function createRequestLog({ nowMs, sinks, logPrompts, log }: RequestLogDeps): RequestLog {
  return {
    logPrompts,
    open: (id, method) => ({ id, method, startMs: nowMs(), key: null, code: null, generation: null, isWritten: false }),
    close(record, ending) {
      if (record.isWritten) return
      record.isWritten = true
      const line = requestLine(record, { ...ending, nowMs: nowMs() })
      for (const sink of sinks) {
        try {
          sink(line)
        } catch (error) {
          log('a sink of request lines failed', error) // the answer is on its way, and right
        }
      }
    },
  }
}

/** One line a request, at its end: of a stream when its last byte is taken, it fails, or its client leaves. Works for every route. SPEC MT6. */
export function logRequests(requests: RequestLog): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const record = requests.open(c.get('requestId'), c.req.method)
    c.set('record', record)
    await next()
    const { body, status, headers } = c.res
    const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? null
    const stream = headers.get('content-type')?.startsWith('text/event-stream') === true
    const close = (end: RequestEnd) => requests.close(record, { route, status, stream, end })
    const { signal } = c.req.raw
    if (body === null || !stream) {
      if (!signal.aborted) return close('done')
      record.code = null // nobody was told what became of it
      return requests.close(record, { route, status: CLIENT_LEFT, stream, end: 'aborted' })
    }
    if (c.req.method === 'HEAD') {
      close('done')
      return body.cancel() // nobody will read it
    }
    signal.addEventListener('abort', () => close('aborted')) // perhaps before anybody reads the body: then nobody cancels it
    c.res = new Response(watchBody(body, close), c.res)
  }
}
