import { createParser } from 'eventsource-parser'

/** One server-sent event with JSON in it. */
export interface StreamEvent {
  /** Of the `event` line. */
  readonly name: string | undefined
  readonly data: Record<string, unknown>
}

export interface ReadStream {
  readonly events: readonly StreamEvent[]
  /** Of the marks that end OpenAI's streams. */
  readonly doneCount: number
  /** What no reader of event streams could read. */
  readonly faults: readonly string[]
}

const DONE = '[DONE]'

/** A whole stream, as clients parse it. */
export function readEvents(text: string): ReadStream {
  const events: StreamEvent[] = []
  const faults: string[] = []
  let doneCount = 0
  const parser = createParser({
    onEvent({ event, data }) {
      if (doneCount > 0) faults.push('something follows [DONE]')
      if (data === DONE) doneCount++
      else events.push({ name: event, data: jsonObject(data, faults) })
    },
    onError: ({ message }) => void faults.push(message),
  })
  parser.feed(text)
  if (!text.endsWith('\n\n')) faults.push('the last event does not end')
  return { events, doneCount, faults }
}

function jsonObject(data: string, faults: string[]): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data)
    if (isObject(value)) return value
  } catch {
    // Said below, as for JSON that is no object.
  }
  faults.push(`no JSON object: ${data.slice(0, 80)}`)
  return {}
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The objects of a list; what is no list has none. */
export function objectsOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}
