import { InvalidArgumentError } from 'commander'
import type { TokenOrder } from '../../shared/placement/routing-trace.ts'
import type { PolicyName } from '../../shared/placement/sim-policies.ts'
import type { BatchSplit } from '../../shared/placement/split-tally.ts'
import { createProgress } from '../progress.ts'
import { readPrices } from './price-file.ts'
import { describeSimulation, runSimulation } from './simulation.ts'
import { readTrace } from './trace-file.ts'
import type { TraceShape } from './trace-file.ts'

export interface SimulateOptions {
  readonly simulate: string
  readonly policy: readonly PolicyName[]
  readonly split: readonly BatchSplit[]
  readonly order: TokenOrder
  readonly hosts?: number
  readonly redundant: number
  readonly window: number
  readonly step: number
  readonly shape: TraceShape
  readonly expertBytes: number
  readonly callMs: number
  readonly rttMs?: number
  readonly pairsPerMs: number
  readonly prices?: string
  readonly json?: true
}

/** The exact bound is a flow over them in every window and layer. */
const HOSTS_MAX = 64
const HOSTS_DEFAULT = 8
const RTT_MS_DEFAULT = 1

/** `isomoe plan --simulate`: what it prints. */
export async function runSimulate(options: SimulateOptions): Promise<string> {
  const { hosts = HOSTS_DEFAULT, rttMs = RTT_MS_DEFAULT } = options
  if (hosts > HOSTS_MAX) throw new InvalidArgumentError(`a simulation has at most ${HOSTS_MAX} hosts.`)
  const prices = await readPrices(options.prices)
  const trace = await readTrace(options.simulate, options.shape)
  const progress = createProgress('plan', process.stderr)
  progress.start(options.policy.length)
  const simulation = runSimulation(
    trace,
    {
      policies: [...new Set(options.policy)],
      splits: [...new Set(options.split)],
      order: options.order,
      hosts,
      redundant: options.redundant,
      windowTokens: options.window,
      stepTokens: options.step,
      expertBytes: options.expertBytes,
      cost: { callMs: options.callMs, rttMs, pairsPerMs: options.pairsPerMs },
      prices,
    },
    (policy) => progress.advance(1, policy),
  )
  progress.stop()
  return options.json ? `${JSON.stringify(simulation, null, 2)}\n` : describeSimulation(simulation)
}
