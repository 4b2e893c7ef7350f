import { partialMatchStart } from '../../generate/partial-match.ts'
import type { OutputParser, ParsedOutput } from '../output-parser.ts'
import type { JsonScanner } from './json-scanner.ts'

/**
 * One state of a parser: looks at the text that nobody has taken yet, and says how much it takes and what reads on; null: it needs more text.
 * With `atEnd` there is none, and null means that the rest is nobody's.
 */
export type Reading = (held: string, atEnd: boolean) => { readonly taken: number; readonly next: Reading } | null

type Sink = (text: string) => void

/** A mark that is expected, and what reads on behind it. */
export interface Mark {
  readonly text: string
  readonly next: () => Reading
}

/** Exactly one of the marks; the longest that is there. Anything else is for `otherwise`. */
export function readMark(marks: readonly Mark[], otherwise: () => Reading): Reading {
  return (held, atEnd) => {
    const mayGrow = marks.some(({ text }) => text.length > held.length && text.startsWith(held))
    if (mayGrow && !atEnd) return null
    const longest = marks
      .filter(({ text }) => held.startsWith(text))
      .reduce<Mark | null>((a, b) => (a !== null && a.text.length >= b.text.length ? a : b), null)
    if (longest !== null) return { taken: longest.text.length, next: longest.next() }
    return mayGrow ? null : { taken: 0, next: otherwise() }
  }
}

/** A JSON value, as it stands. */
export function readJson(scanner: JsonScanner, sink: Sink, next: () => Reading): Reading {
  const read: Reading = (held) => {
    const taken = scanner.take(held)
    if (taken > 0) sink(held.slice(0, taken))
    if (scanner.done) return { taken, next: next() }
    return taken > 0 ? { taken, next: read } : null
  }
  return read
}

/** Text up to the first of the marks, which stays for `next`. `space`: white space in front of a mark belongs to it. */
export function readUntil(marks: readonly string[], sink: Sink, next: (space: string) => Reading, { space = false } = {}): Reading {
  const read: Reading = (held, atEnd) => {
    const found = marks.map((mark) => held.indexOf(mark)).filter((at) => at !== -1)
    const at = found.length > 0 ? Math.min(...found) : atEnd ? held.length : partialMatchStart(held, marks)
    const end = space && !(atEnd && found.length === 0) ? held.slice(0, at).trimEnd().length : at
    if (end > 0) sink(held.slice(0, end))
    if (found.length > 0) return { taken: at, next: next(held.slice(end, at)) }
    return end > 0 ? { taken: end, next: read } : null
  }
  return read
}

/** Runs readings over text that comes in pieces, and joins outputs that follow each other. */
export class ReadingParser implements OutputParser {
  readonly #outputs: ParsedOutput[] = []
  readonly #wholeCalls: () => number | null
  #reading: Reading
  #held = ''

  /** @param begin makes the first reading; all of them tell what they find to `emit`. */
  constructor(begin: (emit: (output: ParsedOutput) => void) => Reading, wholeCalls: () => number | null) {
    this.#reading = begin((output) => addOutput(this.#outputs, output))
    this.#wholeCalls = wholeCalls
  }

  get wholeCalls(): number | null {
    return this.#wholeCalls()
  }

  push(text: string): ParsedOutput[] {
    return this.#run(text, false)
  }

  finish(): ParsedOutput[] {
    return this.#run('', true)
  }

  #run(text: string, atEnd: boolean): ParsedOutput[] {
    this.#held += text
    for (;;) {
      const step = this.#held === '' ? null : this.#reading(this.#held, atEnd)
      if (step === null) return this.#outputs.splice(0)
      this.#held = this.#held.slice(step.taken)
      this.#reading = step.next
    }
  }
}

/** One after the other of a kind is one; '' is none. */
function addOutput(outputs: ParsedOutput[], output: ParsedOutput): void {
  const last = outputs.at(-1)
  if (output.type === 'tool-call') outputs.push(output)
  else if (output.text === '') return
  else if (last === undefined || last.type === 'tool-call' || last.type !== output.type) outputs.push(output)
  else outputs[outputs.length - 1] = { ...last, text: last.text + output.text }
}
