import { LogitAdjuster } from '../../shared/core/logit-adjustments.ts'
import { KV_PAGE_POSITIONS } from '../../shared/core/records.ts'
import { logprobsOf, sampleToken } from '../../shared/core/sampler.ts'
import { maskLogits } from '../../shared/core/token-mask.ts'
import type { MoeError } from '../../shared/protocol/errors.ts'
import type { Result } from '../../shared/protocol/result.ts'
import type { EngineMemory } from './engine-memory.ts'
import type { StepExperts } from './expert-runner.ts'
import { forwardStep } from './forward.ts'
import type { StepHooks } from './forward.ts'
import type { StepSlice } from './run-queue.ts'
import { wantsLogits } from './sequence.ts'
import type { Sequence } from './sequence.ts'
import { createStepBatch } from './step-batch.ts'
import type { TrunkWeights } from './trunk-weights.ts'

/** Runs steps, one at a time, in step buffers of its own. */
export interface Lane {
  busy: boolean
  /** One step. What it made is in the sequences' `sampled` and `promptLogprobs`; after a failure nothing is. */
  run(slices: readonly StepSlice[]): Promise<Result<void, MoeError>>
}

export function createLane(memory: EngineMemory, trunk: TrunkWeights, experts: StepExperts, pause: StepHooks['pause']): Lane {
  const batch = createStepBatch(memory)
  /** The sequence of each token of the batch. */
  const owners: Sequence[] = []
  const adjuster = new LogitAdjuster()

  function fillBatch(slices: readonly StepSlice[]): void {
    batch.tokens = 0
    batch.logitsOf = []
    for (const { sequence, from, tokens } of slices) {
      writePageTable(sequence)
      for (let position = from; position < from + tokens; position++) {
        const t = batch.tokens++
        batch.ids[t] = sequence.tokens[position]!
        batch.positions[t] = position
        batch.tables[t] = memory.pageTable(sequence.slot)
        batch.pages[t] = pageAddress(sequence, Math.floor(position / KV_PAGE_POSITIONS))
        owners[t] = sequence
        if (wantsLogits(sequence, position)) batch.logitsOf.push(t)
      }
    }
  }

  function writePageTable(sequence: Sequence): void {
    const { slot, table } = sequence
    if (table.dirtyFrom === table.pages.length) return
    const entries = memory.arena.u32(memory.pageTable(slot), table.pages.length)
    for (let i = table.dirtyFrom; i < entries.length; i++) entries[i] = pageAddress(sequence, i)
    table.dirtyFrom = table.pages.length
  }

  /** A position without a page would write into another sequence's memory: a fault of ours. */
  function pageAddress({ table }: Sequence, index: number): number {
    const page = table.pages[index]
    if (page === undefined) throw new Error(`page ${index} of ${table.pages.length} is asked for`)
    return memory.kv + page * memory.budget.kvPageBytes
  }

  function onLogits(token: number, logits: Float32Array, best: number): void {
    const sequence = owners[token]!
    const { request } = sequence.owner
    const position = batch.positions[token]!
    if (sequence.cancelled) return
    if (position < sequence.promptLength - 1) {
      sequence.promptLogprobs.push(logprobsOf(logits, best, sequence.tokens[position + 1]!, request.logprobs ?? 0))
      return
    }
    if (sequence.guide && sequence.guide.mask === null) {
      sequence.unsampled = true
      return
    }
    const id = sample(sequence, logits, best, position + 1)
    sequence.sampled = { id, logprob: request.logprobs === null ? null : logprobsOf(logits, best, id, request.logprobs) }
  }

  /** The token at `position`. The logits are as before when it returns: log-probabilities are the model's own. SPEC SA3. */
  function sample({ owner, index, tally, tokens, guide }: Sequence, logits: Float32Array, best: number, position: number): number {
    const { sampling, adjustments, n } = owner.request
    const mask = guide?.mask ?? null
    const isAdjusted = adjustments !== null && tally !== null
    if (!isAdjusted && mask === null) return sampleToken(logits, best, sampling, index % n, position)
    if (best < 0) throw new Error('a logit is NaN') // it might be one that is overwritten
    try {
      if (isAdjusted) {
        tally.follow(tokens)
        adjuster.adjust(logits, adjustments, tally, owner.stopTokens)
      }
      const left = mask === null ? { logits, best: memory.kernels.argmax(logits.byteOffset, logits.length) } : maskLogits(logits, mask)
      return sampleToken(left.logits, left.best, sampling, index % n, position)
    } finally {
      adjuster.restore(logits)
    }
  }

  const hooks = { runExperts: experts.run, pause, onLogits }
  const abandoned = () => owners.every((sequence) => sequence.cancelled)
  return {
    busy: false,
    async run(slices) {
      for (let closed = experts.closed(); closed; closed = experts.closed()) await closed
      experts.begin(abandoned)
      try {
        fillBatch(slices)
        const done = await forwardStep(memory, trunk, batch, hooks)
        for (let t = 0; t < batch.tokens; t++) experts.addHosts(t, owners[t]!.times.hosts)
        return done
      } finally {
        experts.end()
        owners.length = 0 // a sequence that has ended is not kept by a lane that idles
      }
    },
  }
}
