import type { ScaleEvent } from '../../../shared/protocol/autoscaler-api.ts'
import type { SetTimer } from '../../../shared/protocol/deadlines.ts'
import { readLines } from './lines.ts'

/** A comment so often keeps the connection through proxies, and shows that it still stands. */
export const HEARTBEAT_MS = 15_000
const HEARTBEAT = ': still here\n\n'
/** A lost host's plan names each of its experts in some 90 characters. */
const LINE_CHARS_MAX = 1 << 22

export interface EventSourceHooks {
  readonly setTimer: SetTimer
  readonly log: (message: string, error: unknown) => void
}

/** NDJSON of scale events as server-sent events. Ends when either side does; what the client has not read waits where it comes from, which bounds it. */
export function eventsResponse(lines: ReadableStream<Uint8Array>, { setTimer, log }: EventSourceHooks): Response {
  const encoder = new TextEncoder()
  const reader = lines.getReader()
  const events = readLines(reader, LINE_CHARS_MAX)
  let stopHeartbeat = (): void => undefined
  let gone = false
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      function beat(): void {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(HEARTBEAT))
        stopHeartbeat = setTimer(HEARTBEAT_MS, beat)
      }
      beat() // the headers go out with the first byte, however quiet it is
    },
    async pull(controller) {
      try {
        const next = await events.next()
        if (gone) return
        if (next.done !== true) return controller.enqueue(encoder.encode(sseOf(JSON.parse(next.value) as ScaleEvent)))
      } catch (error) {
        if (gone) return // cancelled under a read: workerd rejects it, Node ends it
        log('the stream of scale events broke', error)
        reader.cancel().catch((failed: unknown) => log('the stream of scale events could not be ended', failed))
      }
      stopHeartbeat()
      controller.close() // the client comes back with the last id that it saw
    },
    async cancel() {
      gone = true
      stopHeartbeat()
      await reader.cancel()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' } })
}

function sseOf(event: ScaleEvent): string {
  return `id: ${event.id}\nevent: scale\ndata: ${JSON.stringify(event)}\n\n`
}
