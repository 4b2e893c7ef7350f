import { RATIO, ratios } from './figures.ts'
import type { Figure, Outcome } from './figures.ts'

/** What the rounds of a bench measured, by name, and figures of it. */
export class Samples {
  readonly #samples = new Map<string, number[]>()

  add(name: string, value: number): void {
    const samples = this.#samples.get(name)
    if (samples) samples.push(value)
    else this.#samples.set(name, [value])
  }

  /** One a round, in order. Throws where nothing was measured: such a figure is Missing, not empty. */
  of(name: string): readonly number[] {
    const samples = this.#samples.get(name)
    if (!samples) throw new Error(`nothing was measured as ${name}`)
    return samples
  }

  has(name: string): boolean {
    return this.#samples.has(name)
  }

  figure(id: string, unit: string, name: string, note?: string): Figure {
    return { id, unit, samples: this.of(name), ...(note === undefined ? {} : { note }) }
  }

  /** Round by round `over` / `under`. */
  ratio(id: string, over: string, under: string, note?: string): Figure {
    return { id, unit: RATIO, samples: ratios(this.of(over), this.of(under)), ...(note === undefined ? {} : { note }) }
  }
}

/** A figure, or the reason why it could not be measured. */
export function orMissing(id: string, missing: string | null, figure: () => Figure): Outcome {
  return missing === null ? figure() : { id, missing }
}
