import type { MoeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { asMoeError, errorEnvelope } from './errors.ts'

export const SSE_DONE = 'data: [DONE]\n\n'

/** One event of a stream. JSON has no line breaks, so one data line is enough. */
export function sseEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

/** The same with its type as the event's name, as APIs have it that stream events of many kinds. */
export function namedEvent(type: string, fields: object): string {
  return `event: ${type}\n${sseEvent({ type, ...fields })}`
}

/** What an answer's stream needs of its surroundings. */
export interface SseHooks {
  /** The client went away, or the answer failed: the work behind it may end. */
  readonly cancel: () => void
  readonly log: (message: string, error: unknown) => void
  /** How a fault of ours is told in the middle of a stream; OpenAI's envelope if absent. */
  readonly failure?: (error: MoeError) => string
}

/**
 * Answers with events as they are made. Events are taken from the generation at once, and what waits when the client is ready goes out
 * as one write: in workerd a write can cost a turn of the event loop that a busy engine grants only every few milliseconds, and a stop string
 * must be seen when it is made (docs/design/engine.md). A client that does not read holds back at most LIMITS.unreadBytesMax here.
 * A fault of ours ends the stream with an `error` event.
 * Not hono's streamSSE: it goes on writing when the client has gone, and a failed write is lost in it.
 */
export function sseResponse(events: AsyncIterator<string, void>, hooks: SseHooks): Response {
  const encoder = new TextEncoder()
  const state = { pending: '', ended: false, gone: false }
  let wakeReader = (): void => undefined
  let wakeTaker = (): void => undefined

  async function takeEvents(): Promise<void> {
    try {
      for (let next = await events.next(); next.done !== true && !state.gone; next = await events.next()) {
        state.pending += next.value
        wakeReader()
        while (state.pending.length > LIMITS.unreadBytesMax && !state.gone) await new Promise<void>((resolve) => (wakeTaker = resolve))
      }
    } catch (error) {
      hooks.log('an answer failed in the middle', error)
      hooks.cancel()
      const tell = hooks.failure ?? ((reason: MoeError) => sseEvent(errorEnvelope(reason)))
      state.pending += tell(asMoeError(error))
    }
    state.ended = true
    wakeReader()
  }

  const body = new ReadableStream<Uint8Array>({
    start() {
      void takeEvents() // never rejects
    },
    async pull(controller) {
      while (state.pending === '' && !state.ended) await new Promise<void>((resolve) => (wakeReader = resolve))
      const text = state.pending
      state.pending = ''
      wakeTaker()
      if (state.gone) return // the stream is cancelled: it takes nothing more
      if (text !== '') controller.enqueue(encoder.encode(text))
      if (state.ended && state.pending === '') controller.close()
    },
    cancel() {
      state.gone = true
      hooks.cancel()
      wakeTaker()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' } })
}
