import { Presets, SingleBar } from 'cli-progress'
import { printable } from './errors.ts'

/** Where a long command says how far it is. All of it goes to stderr: stdout belongs to results. SPEC CL2. */
export interface Progress {
  start(unitsTotal: number): void
  /** `units` more are done, all of one stage (`layer 3 of 48`). */
  advance(units: number, stage: string): void
  warn(message: string): void
  /** Ends the bar; safe to call twice, and without a start. */
  stop(): void
}

/** A stream that may be a terminal. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean }

export function createProgress(label: string, stream: ProgressStream): Progress {
  return stream.isTTY ? new BarProgress(label, stream) : new LineProgress(label, stream)
}

/** One bar that is drawn over itself. */
class BarProgress implements Progress {
  readonly #stream: ProgressStream
  readonly #bar: SingleBar

  constructor(label: string, stream: ProgressStream) {
    this.#stream = stream
    this.#bar = new SingleBar({ stream, format: `${label} {bar} {percentage} % | {stage}`, clearOnComplete: true, gracefulExit: false }, Presets.shades_classic)
  }

  start(unitsTotal: number): void {
    this.#bar.start(unitsTotal, 0, { stage: '' })
  }

  advance(units: number, stage: string): void {
    this.#bar.increment(units, { stage })
  }

  warn(message: string): void {
    this.#stream.write(warningLine(message))
  }

  stop(): void {
    this.#bar.stop()
  }
}

/** One line when a stage begins: for logs. */
class LineProgress implements Progress {
  readonly #label: string
  readonly #stream: ProgressStream
  #unitsTotal = 0
  #unitsDone = 0
  #stage = ''

  constructor(label: string, stream: ProgressStream) {
    this.#label = label
    this.#stream = stream
  }

  start(unitsTotal: number): void {
    this.#unitsTotal = unitsTotal
  }

  advance(units: number, stage: string): void {
    if (stage !== this.#stage) {
      const percent = Math.floor((100 * this.#unitsDone) / this.#unitsTotal)
      this.#stream.write(`${this.#label}: ${stage} (${percent} % done)\n`)
      this.#stage = stage
    }
    this.#unitsDone += units
  }

  warn(message: string): void {
    this.#stream.write(warningLine(message))
  }

  stop(): void {
    this.#stage = ''
  }
}

function warningLine(message: string): string {
  return `isomoe: warning: ${printable(message)}\n`
}
