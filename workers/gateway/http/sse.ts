import { asMoeError, errorEnvelope } from './errors.ts'

export const SSE_DONE = 'data: [DONE]\n\n'

/** One event of a stream. JSON has no line breaks, so one data line is enough. */
export function sseEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

/** What an answer's stream needs of its surroundings. */
export interface SseHooks {
  /** The client went away, or the answer failed: the work behind it may end. */
  readonly cancel: () => void
  readonly log: (message: string, error: unknown) => void
}

/**
 * Answers with events as they are made; the client's pace sets that of the stream. A fault of ours ends it with an `error` event.
 * Not hono's streamSSE: it goes on writing when the client has gone, and a failed write is lost in it.
 */
export function sseResponse(events: AsyncIterator<string, void>, hooks: SseHooks): Response {
  const encoder = new TextEncoder()
  let gone = false
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = await events.next()
        if (gone) return // the stream is cancelled: it takes nothing more
        if (next.done === true) controller.close()
        else controller.enqueue(encoder.encode(next.value))
      } catch (error) {
        hooks.log('an answer failed in the middle', error)
        hooks.cancel()
        controller.enqueue(encoder.encode(sseEvent(errorEnvelope(asMoeError(error)))))
        controller.close()
      }
    },
    cancel() {
      gone = true
      hooks.cancel()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' } })
}
