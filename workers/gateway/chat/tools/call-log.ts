import type { ParsedOutput } from '../output-parser.ts'

/** Counts the calls of a choice while a parser tells them. */
export class CallLog {
  readonly #emit: (output: ParsedOutput) => void
  #calls = 0
  #open = false

  constructor(emit: (output: ParsedOutput) => void) {
    this.#emit = emit
  }

  /** Null while the last call's arguments are not whole. */
  get whole(): number | null {
    return this.#open ? null : this.#calls
  }

  begin(name: string): void {
    this.#emit({ type: 'tool-call', call: this.#calls, name })
    this.#calls++
    this.#open = true
  }

  readonly arguments = (text: string): void => {
    this.#emit({ type: 'tool-arguments', call: this.#calls - 1, text })
  }

  /** The last call's arguments are whole. */
  end(): void {
    this.#open = false
  }
}
