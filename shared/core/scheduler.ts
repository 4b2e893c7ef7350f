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
