/** What the scheduler must know of one sequence. `length` counts the positions that are in the KV cache. */
export interface ScheduledSequence {
  readonly id: number
  readonly length: number
  /** Tokens known so far: the prompt, and what was generated. */
  readonly known: number
}

/** Tokens of one sequence that a step takes: positions `from` to `from + tokens − 1`. */
export interface Slice {
  readonly sequence: number
  readonly from: number
  readonly tokens: number
}

export interface StepBudget {
  /** Tokens of a whole step. */
  readonly tokens: number
  /** Those of them that may be prompt tokens. */
  readonly promptTokens: number
}

/**
 * One step: a token of each sequence that decodes, then of the prompts as equal shares as their lengths allow. A short prompt takes what it needs
 * and longer ones divide the rest, so that its first token does not wait for the long prompt before it. SPEC SC1.
 * @param sequences in order of age; each has at least one token that is not in the cache yet.
 */
export function scheduleStep(sequences: readonly ScheduledSequence[], budget: StepBudget): Slice[] {
  const decodes = sequences.filter((s) => s.known - s.length === 1)
  const slices = decodes.slice(0, budget.tokens).map((s): Slice => ({ sequence: s.id, from: s.length, tokens: 1 }))
  let left = Math.min(budget.tokens - slices.length, budget.promptTokens)
  const prompts = sequences.filter((s) => s.known - s.length > 1).slice(0, left) // a token each at least: the oldest always has one
  prompts.sort((a, b) => a.known - a.length - (b.known - b.length))
  for (const [i, s] of prompts.entries()) {
    const tokens = Math.min(s.known - s.length, Math.floor(left / (prompts.length - i)))
    slices.push({ sequence: s.id, from: s.length, tokens })
    left -= tokens
  }
  return slices
}

/** Prompt tokens that a step may have. While somebody decodes they make him wait, else they may be twice as many. SPEC SC1. */
export function promptBudget(chunk: number, decoding: boolean): number {
  return decoding ? chunk : 2 * chunk
}

/** What a lane that wants a step finds. */
export interface LaneView {
  /** Sequences that could be in a step and are in none. */
  readonly ready: number
  /** Lanes without a step, the asking one included. */
  readonly idleLanes: number
  /** Sequences that run, in steps or not. */
  readonly running: number
  readonly lanes: number
}

/**
 * How many sequences the next step takes. Lanes that are idle together divide what is ready; no lane takes more than its part of all that run, so
 * that those who joined while it was away find a place in another. SPEC SC10.
 */
export function laneShare({ ready, idleLanes, running, lanes }: LaneView): number {
  return Math.min(Math.ceil(ready / idleLanes), Math.ceil(running / lanes))
}

/** What admission must know of the sequences that run. */
export interface Demand {
  readonly running: number
  /** Pages that can be had at once. */
  readonly available: number
  /** Pages that the known tokens of running sequences will take beyond those they hold. */
  readonly promised: number
}

/**
 * Whether a waiting sequence may join. Beside the pages of its known tokens and of those promised, one page stays free for each sequence that
 * would then run, its next sixteen tokens: whoever joined a full cache would soon be preempted again. Alone it joins always. SPEC SC2.
 * @param pages that its known tokens will take.
 */
export function mayJoin(pages: number, { running, available, promised }: Demand): boolean {
  return running === 0 || pages + promised + running + 1 <= available
}

/**
 * Who gives its pages up for `needy`: the latest that may be disturbed, and only one that came later, so that the oldest always advances.
 * SPEC SC8.
 * @param idle sequences that are in no step, in order of age.
 */
export function chooseVictim<S extends { readonly id: number }>(needy: S, idle: readonly S[]): S | null {
  const last = idle.at(-1)
  return last && last.id > needy.id ? last : null
}
