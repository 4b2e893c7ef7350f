import type { EventSink } from './sequence.ts'

/** A sink whose events are the NDJSON lines of a byte stream. `onCancel` runs when the reader goes away; later events are dropped. */
export function createEventStream(onCancel: () => void): { readonly stream: ReadableStream<Uint8Array>; readonly sink: EventSink } {
  const encoder = new TextEncoder()
  let controller: ReadableByteStreamController | null = null
  const stream = new ReadableStream({
    type: 'bytes',
    start(c) {
      controller = c
    },
    cancel() {
      controller = null
      onCancel()
    },
  })
  return {
    stream,
    sink: {
      emit: (event) => controller?.enqueue(encoder.encode(`${JSON.stringify(event)}\n`)),
      end() {
        controller?.close()
        controller = null
      },
    },
  }
}
