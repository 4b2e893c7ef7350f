import { RATIO } from '../figures.ts'
import type { Figure, Outcome } from '../figures.ts'
import { orMissing } from '../samples.ts'
import type { Samples } from '../samples.ts'
import { ARENA_LIFTED } from '../cluster/layouts.ts'
import type { StepParts } from './step-profile.ts'

export const LAYOUTS = ['one_host', 'deployed'] as const
export type Layout = (typeof LAYOUTS)[number]
export const BATCHES = [1, 4, 16] as const
/** Batches that are also measured with every layer over all hosts. */
export const SPREAD_BATCHES: readonly number[] = [1, 16]
export const PREFILLS = [64, 512] as const
export const LANES = [1, 4] as const

const STEP_PARTS: readonly (readonly [part: Exclude<keyof StepParts, 'idle'>, id: string, note: string])[] = [
  ['wall', 'wall', 'decode step of one sequence'],
  ['engineKernels', 'engine_kernels', 'saved by leaving them out'],
  ['hostKernels', 'host_kernels', 'saved by leaving them out'],
  ['outsideKernels', 'outside_kernels', 'a step without any kernel; the next three together'],
  ['rpc', 'rpc', 'calls of the same sizes to an echo'],
  ['hostScript', 'host_script', 'frames in and out of the hosts'],
  ['engineScript', 'engine_script', 'scheduler, frames, sampling, events, waiting'],
  ['replayedMatrices', 'replayed_matrices', 'the kernel calls again, alone: less than in place'],
  ['replayedAttention', 'replayed_attention', 'the same'],
  ['replayedOthers', 'replayed_others', 'the same'],
]

export interface ModelFacts {
  /** Bytes that a decode step of one sequence must read. */
  readonly stepBytes: number
  readonly hosts: number
}

/** The rows of `bench model` from what its rounds measured. Names of samples: model.ts. */
export function modelOutcomes(samples: Samples, facts: ModelFacts): Outcome[] {
  const note = (layout: Layout) => (layout === 'one_host' ? ARENA_LIFTED : `${facts.hosts} hosts within their budgets, packed`)
  const perLayout = (rows: (layout: Layout) => Figure[]) => LAYOUTS.flatMap(rows)
  return [
    ...BATCHES.flatMap((batch) =>
      perLayout((layout) => [samples.figure(`model.decode${batch}.${layout}`, 'tokens/s', `decode${batch}.${layout}`, note(layout))]),
    ),
    ...PREFILLS.flatMap((tokens) =>
      perLayout((layout) => [samples.figure(`model.prefill${tokens}.${layout}`, 'tokens/s', `prefill${tokens}.${layout}`, note(layout))]),
    ),
    samples.ratio('model.batch16_over_batch1', 'decode16.one_host', 'decode1.one_host', ARENA_LIFTED),
    samples.ratio('model.batch16_over_batch1.deployed', 'decode16.deployed', 'decode1.deployed', note('deployed')),
    samples.ratio('model.spread_over_packed', 'decode1.spread', 'decode1.deployed', 'batch 1, the same hosts'),
    samples.ratio('model.spread_over_packed.16', 'decode16.spread', 'decode16.deployed', 'batch 16, the same hosts'),
    samples.ratio('model.rtt2.lanes4_over_lanes1', 'lanes4', 'lanes1', '16 streams, emulated round trip of 2 ms'),
    ...LAYOUTS.map((layout) => samples.ratio(`model.outside_kernels.${layout}`, `outsideKernels.${layout}`, `wall.${layout}`, note(layout))),
    ...LAYOUTS.map((layout) => replayFigure(samples, layout)),
    ...perLayout((layout) => STEP_PARTS.map(([part, id, what]) => samples.figure(`model.step.${id}.${layout}`, 'µs', `${part}.${layout}`, what))),
    ...LAYOUTS.map((layout) =>
      orMissing(`model.step.idle.${layout}`, samples.has(`idle.${layout}`) ? null : 'this system does not say how long a process ran', () =>
        samples.figure(`model.step.idle.${layout}`, 'part', `idle.${layout}`, 'of the request, no thread ran; inside engine_script'),
      ),
    ),
    { id: 'model.bytes_per_token', unit: 'MB', samples: [facts.stepBytes / 1e6], note: 'weights, keys and values that a decode step must read' },
    samples.figure('model.read_bandwidth', 'GB/s', 'read', 'two streams, one thread, out of cache'),
    ...LAYOUTS.map((layout) => limitFigure(samples, facts, layout)),
  ]
}

/** The upper bound of `outside_kernels`: what kernels cost more in place than alone (the step empties their caches) counts as outside here. */
function replayFigure(samples: Samples, layout: Layout): Figure {
  const replayed = ['replayedMatrices', 'replayedAttention', 'replayedOthers'].map((part) => samples.of(`${part}.${layout}`))
  return {
    id: `model.outside_kernels.${layout}.by_replay`,
    unit: RATIO,
    samples: samples.of(`wall.${layout}`).map((wall, round) => 1 - replayed.reduce((sum, part) => sum + part[round]!, 0) / wall),
    note: 'upper bound: 1 − the kernel calls again, alone ÷ wall',
  }
}

/** Tokens/s that the read bandwidth allows over the measured ones: 1 is the limit of the memory. */
function limitFigure(samples: Samples, { stepBytes }: ModelFacts, layout: Layout): Figure {
  const bandwidth = samples.of('read')
  const measured = samples.of(`decode1.${layout}`)
  return {
    id: `model.limit_over_measured.${layout}`,
    unit: RATIO,
    samples: measured.map((rate, round) => (bandwidth[round]! * 1e9) / stepBytes / rate),
    note: 'tokens/s that reading alone allows ÷ model.decode1',
  }
}
