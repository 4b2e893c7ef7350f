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
  /** Prompt tokens that one sequence may take in a step. */
  readonly chunk: number
}

/**
 * One step: a token of each sequence that decodes, then chunks of admitted prompts, oldest first, up to the budget. SPEC SC1.
 * @param running admitted sequences in order of admission; each has at least one token that is not in the cache yet.
 */
export function scheduleStep(running: readonly ScheduledSequence[], budget: StepBudget): Slice[] {
  const decodes = running.filter((s) => s.known - s.length === 1)
  const prefills = running.filter((s) => s.known - s.length > 1)
  const slices = decodes.slice(0, budget.tokens).map((s): Slice => ({ sequence: s.id, from: s.length, tokens: 1 }))
  let left = budget.tokens - slices.length
  for (const s of prefills) {
    const tokens = Math.min(left, budget.chunk, s.known - s.length)
    if (tokens <= 0) break
    slices.push({ sequence: s.id, from: s.length, tokens })
    left -= tokens
  }
  return slices
}

/**
 * How many of the waiting sequences join now, oldest first. SPEC SC2: pages for the whole length are reserved at admission,
 * and the oldest is never overtaken, so none starves.
 */
export function admitCount(waitingPages: readonly number[], freePages: number, freeSlots: number): number {
  let left = freePages
  let count = 0
  for (const pages of waitingPages) {
    if (count === freeSlots || pages > left) break
    left -= pages
    count++
  }
  return count
}
