import type { ScaleEvent } from '../../shared/protocol/autoscaler-api.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'

/** Those who watch scale events. Streams belong to the object that made them. */
export interface EventListeners {
  /** NDJSON: first `kept`, then every event that is emitted. Ends when the reader leaves, or leaves too much unread. */
  open(kept: readonly ScaleEvent[]): ReadableStream<Uint8Array>
  emit(event: ScaleEvent): void
  count(): number
}

const encoder = new TextEncoder()

export function createEventListeners(): EventListeners {
  const controllers = new Set<ReadableByteStreamController>()

  function open(kept: readonly ScaleEvent[]): ReadableStream<Uint8Array> {
    let mine: ReadableByteStreamController | null = null
    return new ReadableStream(
      {
        type: 'bytes',
        start(controller: ReadableByteStreamController) {
          mine = controller
          for (const line of newestLines(kept)) controller.enqueue(line)
          if (controllers.size >= LIMITS.eventListenersMax) end(controllers.values().next().value!) // the oldest may come again
          controllers.add(controller)
        },
        cancel() {
          if (mine) controllers.delete(mine)
        },
      },
      { highWaterMark: LIMITS.eventBytesMax },
    )
  }

  function emit(event: ScaleEvent): void {
    for (const controller of controllers) {
      if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encodeLine(event))
      else end(controller)
    }
  }

  function end(controller: ReadableByteStreamController): void {
    controllers.delete(controller)
    controller.close()
    controller.byobRequest?.respond(0) // a reader that brings its own buffer waits for it to come back
  }

  return { open, emit, count: () => controllers.size }
}

/** As many of the newest as a listener may leave unread, in order. */
function newestLines(events: readonly ScaleEvent[]) {
  const lines: ReturnType<typeof encodeLine>[] = []
  let bytes = 0
  for (const event of events.toReversed()) {
    const line = encodeLine(event)
    bytes += line.byteLength
    if (bytes > LIMITS.eventBytesMax && lines.length > 0) break
    lines.unshift(line)
  }
  return lines
}

function encodeLine(event: ScaleEvent) {
  return encoder.encode(`${JSON.stringify(event)}\n`)
}
