import { partialMatchStart } from './partial-match.ts'

/**
 * Finds stop strings in text that comes in pieces. Text is held back only while it may be the beginning of one. SPEC AP6.
 * How the text is cut into pieces changes nothing: the stop string that is complete first wins; of two that end together, the longer.
 */
export class StopMatcher {
  readonly #stops: readonly string[]
  #held = ''

  /** @param stops not empty each, well-formed: then a cut never splits a surrogate pair. */
  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  /** True while text waits for what follows it. */
  get holding(): boolean {
    return this.#held !== ''
  }

  /** The text that may go out. With the stop string that was seen, it is the last: what follows is not the client's. */
  push(piece: string): { readonly text: string; readonly stop: string | null } {
    const text = this.#held + piece
    const first = this.#firstStop(text)
    const end = first?.start ?? partialMatchStart(text, this.#stops)
    this.#held = first === null ? text.slice(end) : ''
    return { text: text.slice(0, end), stop: first?.stop ?? null }
  }

  /** The text ended: what was held back was no stop string. */
  flush(): string {
    const text = this.#held
    this.#held = ''
    return text
  }

  /** The stop string that ends first, and where it begins; or null. */
  #firstStop(text: string): { readonly stop: string; readonly start: number } | null {
    let first: { readonly stop: string; readonly start: number } | null = null
    let end = Infinity
    for (const stop of this.#stops) {
      const at = text.indexOf(stop)
      if (at === -1) continue
      const stopEnd = at + stop.length
      if (stopEnd < end || (stopEnd === end && at < (first?.start ?? Infinity))) {
        first = { stop, start: at }
        end = stopEnd
      }
    }
    return first
  }
}
