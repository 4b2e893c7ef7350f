import { moeError } from '../../shared/protocol/errors.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import type { GenerateEvent } from '../../shared/protocol/engine-api.ts'
import type { EventSink } from './event-sink.ts'

/**
 * A sink whose events are the NDJSON lines of a byte stream. `onCancel` runs when the reader goes away, and when it leaves more than
 * LIMITS.unreadBytesMax unread: then the stream ends with a `slow-reader` error. Later events are dropped.
 */
export function createEventStream(onCancel: () => void): { readonly stream: ReadableStream<Uint8Array>; readonly sink: EventSink } {
  let controller: ReadableByteStreamController | null = null
  const stream = new ReadableStream(
    {
      type: 'bytes',
      start(c) {
        controller = c
      },
      cancel() {
        controller = null
        onCancel()
      },
    },
    { highWaterMark: LIMITS.unreadBytesMax },
  )
  function emit(event: GenerateEvent): void {
    if (!controller) return
    // Asked before, so that one event, however large, always fits an empty stream: it has bounds of its own (LIMITS.logprobEntriesMax).
    if ((controller.desiredSize ?? 1) > 0) return controller.enqueue(encodeLine(event))
    const error = moeError('slow-reader', `More than ${LIMITS.unreadBytesMax} bytes of the answer were left unread.`, {})
    controller.enqueue(encodeLine({ type: 'error', error }))
    end()
    onCancel()
  }
  function end(): void {
    controller?.close()
    controller = null
  }
  return { stream, sink: { emit, end } }
}

const encoder = new TextEncoder()

function encodeLine(event: GenerateEvent) {
  return encoder.encode(`${JSON.stringify(event)}\n`)
}
