/** Counters of the engine at one time, on the page's clock. */
export interface Sample {
  readonly atMs: number
  readonly isolateId: string
  readonly generatedTokens: number
  readonly steps: number
}

export interface Rates {
  /** Null until two samples are there. */
  readonly tokensPerS: number | null
  readonly stepsPerS: number | null
  /** Tokens a second between each two samples, oldest first. */
  readonly history: readonly number[]
}

/** Samples kept: a minute and a half, at one a second. */
const SAMPLES_MAX = 91
/** A rate is taken over so long at least: one step of many sequences counts many tokens at once. */
const SPAN_MS = 2500

/** Adds a sample. Counters of another engine isolate, or smaller ones, begin anew: the engine was reset. SPEC LP4. */
export function addSample(samples: readonly Sample[], next: Sample): readonly Sample[] {
  const last = samples.at(-1)
  if (last && next.atMs <= last.atMs) return samples
  const isReset = last && (last.isolateId !== next.isolateId || next.generatedTokens < last.generatedTokens || next.steps < last.steps)
  return isReset ? [next] : [...samples, next].slice(-SAMPLES_MAX)
}

export function ratesOf(samples: readonly Sample[]): Rates {
  const last = samples.at(-1)
  const from = samples.findLast(({ atMs }) => last !== undefined && last.atMs - atMs >= SPAN_MS) ?? samples[0]
  const history = samples.slice(1).map((sample, i) => rate(samples[i]!, sample, 'generatedTokens'))
  if (last === undefined || from === undefined || from === last) return { tokensPerS: null, stepsPerS: null, history }
  return { tokensPerS: rate(from, last, 'generatedTokens'), stepsPerS: rate(from, last, 'steps'), history }
}

function rate(from: Sample, to: Sample, counter: 'generatedTokens' | 'steps'): number {
  return ((to[counter] - from[counter]) * 1000) / (to.atMs - from.atMs)
}
