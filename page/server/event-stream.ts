import { createParser } from 'eventsource-parser'

export interface ServerEvent {
  readonly id: string | null
  readonly data: string
}

/** An event of more characters ends the stream: a plan that moves every expert of a large model has a few million. */
const EVENT_CHARS_MAX = 8 * 1024 * 1024

/** Reads server-sent events, however the bytes are cut, and hands on those of each part together. Throws where an event is larger than any of ours. SPEC LP2. */
export async function readEvents(body: ReadableStream<Uint8Array>, onEvents: (events: readonly ServerEvent[]) => void): Promise<void> {
  let events: ServerEvent[] = []
  let full = false
  const parser = createParser({
    maxBufferSize: EVENT_CHARS_MAX,
    onEvent: ({ id, data }) => void events.push({ id: id ?? null, data }),
    onError: ({ type }) => (full ||= type === 'max-buffer-size-exceeded'),
  })
  const reader = body.getReader()
  const decoder = new TextDecoder()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parser.feed(decoder.decode(part.value, { stream: true }))
      if (events.length > 0) onEvents(events)
      events = []
      if (full) throw new RangeError(`an event of more than ${EVENT_CHARS_MAX} characters`)
    }
  } catch (error) {
    // The connection would stay open, whatever broke. Of a stream that is broken itself this says so once more.
    void reader.cancel(error).catch(() => undefined)
    throw error
  }
}
