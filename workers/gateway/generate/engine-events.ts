import type { GenerateEvent } from '../../../shared/protocol/engine-api.ts'
import { moeError } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'

/** A prompt's log-probabilities come as one line. Their number is bounded (checkLogprobEntries), and none takes more than 64 characters. */
const LINE_CHARS_MAX = 64 * LIMITS.logprobEntriesMax
const EVENT_TYPES: readonly unknown[] = ['prefilled', 'prompt', 'token', 'finish', 'error'] satisfies GenerateEvent['type'][]

/** The engine's NDJSON as events. Never throws: a stream that breaks ends with an `error` event, and is `broken`. */
export class EngineEvents {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  readonly #events: GenerateEvent[] = []
  /** Pieces of the line that has no end yet. */
  #line: string[] = []
  #lineChars = 0
  #ended = false
  #broken = false

  readonly #log: (message: string, error: unknown) => void

  constructor(stream: ReadableStream<Uint8Array>, log: (message: string, error: unknown) => void) {
    this.#reader = stream.getReader()
    this.#log = log
  }

  /** The connection was lost: what the stream would have carried may still be had. */
  get broken(): boolean {
    return this.#broken
  }

  /** The next event; null after the last one and after `cancel`. */
  async next(): Promise<GenerateEvent | null> {
    while (this.#events.length === 0 && !this.#ended) await this.#read()
    return this.#events.shift() ?? null
  }

  /** Ends the stream at once, also under a `next` that waits. The engine sees it as a cancelled request. */
  async cancel(): Promise<void> {
    this.#ended = true
    if (!this.#broken) await this.#reader.cancel()
  }

  async #read(): Promise<void> {
    try {
      const { done, value } = await this.#reader.read()
      if (done) this.#ended = true
      else this.#take(this.#decoder.decode(value, { stream: true }))
    } catch (error) {
      if (this.#ended) return // it was cancelled meanwhile: workerd then rejects the read, Node ends it
      this.#log('the stream of the engine broke', error)
      this.#broken = true
      this.#fail(moeError('host-unavailable', 'The connection to the engine was lost.', { host: 'engine' }))
    }
  }

  #take(text: string): void {
    const [first = '', ...others] = text.split('\n')
    this.#addToLine(first)
    for (const part of others) {
      this.#endLine()
      this.#addToLine(part)
    }
    if (this.#lineChars > LINE_CHARS_MAX) this.#fail(moeError('internal', `The engine sent a line of more than ${LINE_CHARS_MAX} characters.`, {}))
  }

  #addToLine(part: string): void {
    this.#line.push(part)
    this.#lineChars += part.length
  }

  #endLine(): void {
    const line = this.#line.join('')
    this.#line = []
    this.#lineChars = 0
    if (this.#ended) return
    const event = parseEvent(line)
    if (event === null) this.#fail(moeError('internal', 'The engine sent an event that cannot be read.', {}))
    else this.#events.push(event)
  }

  #fail(error: MoeError): void {
    this.#events.push({ type: 'error', error })
    this.#ended = true
  }
}

/** Checks that it is one of the events, not each field: both ends are built from one source, and the digest was compared. */
function parseEvent(line: string): GenerateEvent | null {
  try {
    const value: unknown = JSON.parse(line)
    return isEvent(value) ? value : null
  } catch {
    return null
  }
}

function isEvent(value: unknown): value is GenerateEvent {
  return typeof value === 'object' && value !== null && 'type' in value && EVENT_TYPES.includes(value.type)
}
