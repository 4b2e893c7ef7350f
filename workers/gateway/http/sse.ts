import type { SetTimer } from '../../../shared/protocol/deadlines.ts'
import { moeError } from '../../../shared/protocol/errors.ts'
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
  readonly setTimer: SetTimer
  readonly log: (message: string, error: unknown) => void
  /** How a failure is told in the middle of a stream; OpenAI's envelope if absent. */
  readonly failure?: (error: MoeError) => string
  /** The stream does not end as it should. */
  readonly failed: (error: MoeError) => void
}

/**
 * Answers with events as they are made. Events are taken from the generation at once, and what waits when the client is ready goes out
 * as one write: in workerd a write can cost a turn of the event loop that a busy engine grants only every few milliseconds, and a stop string
 * must be seen when it is made (docs/design/engine.md). So a client that does not read holds nothing up: past LIMITS.unreadCharsMax, of which it
 * takes nothing for LIMITS.unreadGraceMs, its work ends with a `slow-reader` error behind what it has not read, and past LIMITS.unreadMsMax its
 * connection does. SPEC SC7. (The grace is for those who do read: events of a scored prompt have hundreds of KB and come faster than any socket.)
 * A fault of ours ends the stream with an `error` event.
 * Not hono's streamSSE: it goes on writing when the client has gone, and a failed write is lost in it.
 */
export function sseResponse(events: AsyncIterator<string, void>, hooks: SseHooks): Response {
  const encoder = new TextEncoder()
  const state = { pending: '', ended: false, gone: false }
  /** Set while the client has taken all there is and waits for more. */
  let wakeReader: (() => void) | null = null
  let wakeMaker = (): void => undefined
  let stopTimer: (() => void) | null = null

  async function takeEvents(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      for (let next = await events.next(); next.done !== true && !state.gone; next = await events.next()) {
        // Asked before it is added, so that one event, however large, always has room: it has bounds of its own.
        if (state.pending.length > LIMITS.unreadCharsMax && !(await isTaken())) {
          add(controller, failed(slowReader()))
          hooks.cancel()
          break
        }
        add(controller, next.value)
      }
      await events.return?.() // it may be in the middle
    } catch (error) {
      hooks.log('an answer failed in the middle', error)
      hooks.cancel()
      add(controller, failed(asMoeError(error)))
    }
    state.ended = true
    wakeReader?.()
  }

  /** Whether the client takes what waits, or leaves, before its grace is over. */
  function isTaken(): Promise<boolean> {
    return new Promise((resolve) => {
      const stop = hooks.setTimer(LIMITS.unreadGraceMs, () => resolve(false))
      wakeMaker = () => {
        stop()
        resolve(true)
      }
    })
  }

  /** What is said of it in the stream. */
  function failed(error: MoeError): string {
    hooks.failed(error)
    return hooks.failure ? hooks.failure(error) : sseEvent(errorEnvelope(error))
  }

  function add(controller: ReadableStreamDefaultController<Uint8Array>, text: string): void {
    state.pending += text
    if (wakeReader) return wakeReader() // it is taken at once: no timer for each token
    stopTimer ??= hooks.setTimer(LIMITS.unreadMsMax, () => {
      leave()
      failed(slowReader())
      controller.error(new Error(slowReader().message))
    })
  }

  function leave(): void {
    state.gone = true
    stopTimer?.()
    hooks.cancel()
    wakeReader?.()
    wakeMaker()
  }

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      void takeEvents(controller) // never rejects
    },
    async pull(controller) {
      while (state.pending === '' && !state.ended && !state.gone) await new Promise<void>((resolve) => (wakeReader = resolve))
      wakeReader = null
      if (state.gone) return // the stream is over: it takes nothing more
      const text = state.pending
      state.pending = ''
      stopTimer?.()
      stopTimer = null
      wakeMaker()
      if (text !== '') controller.enqueue(encoder.encode(text))
      if (state.ended) controller.close()
    },
    cancel: leave,
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' } })
}

function slowReader(): MoeError {
  return moeError(
    'slow-reader',
    `The client left more than ${LIMITS.unreadCharsMax} characters of the answer unread for ${LIMITS.unreadGraceMs / 1000} s, or took nothing for ${LIMITS.unreadMsMax / 1000} s.`,
    {},
  )
}
