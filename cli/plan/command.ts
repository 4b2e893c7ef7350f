import { Command, InvalidArgumentError, Option } from 'commander'
import { TOKEN_ORDERS } from '../../shared/placement/routing-trace.ts'
import type { TokenOrder } from '../../shared/placement/routing-trace.ts'
import { POLICIES } from '../../shared/placement/sim-policies.ts'
import type { PolicyName } from '../../shared/placement/sim-policies.ts'
import { BATCH_SPLITS } from '../../shared/placement/split-tally.ts'
import type { BatchSplit } from '../../shared/placement/split-tally.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { numberOption, wholeNumberOption } from '../number-option.ts'
import { createProgress } from '../progress.ts'
import { describeSimulation, runSimulation } from './simulation.ts'
import { readTrace } from './trace-file.ts'
import type { TraceShape } from './trace-file.ts'

interface PlanOptions {
  readonly simulate: string
  readonly policy: readonly PolicyName[]
  readonly split: readonly BatchSplit[]
  readonly order: TokenOrder
  readonly hosts: number
  readonly redundant: number
  readonly window: number
  readonly step: number
  readonly shape: TraceShape
  readonly expertBytes: number
  readonly callMs: number
  readonly rttMs: number
  readonly pairsPerMs: number
  readonly json?: true
}

/** Of a simulation: the exact bound is a flow over them in every window and layer. */
const HOSTS_MAX = 64
const NUMBER_MAX = 1e9
/** An expert of gpt-oss-20b at q4: 3 · 2880 · 2880 weights of 4.5 bits. */
const EXPERT_BYTES_DEFAULT = (3 * 2880 * 2880 * 4.5) / 8

/** That of gpt-oss-20b. */
const SHAPE_DEFAULT = '24x32x4'

export const planCommand = new Command('plan')
  .description('Replay a routing trace under placement policies: balance, churn, cost.')
  .requiredOption('--simulate <trace>', 'routing trace: the compact form or JSON lines, gzipped or not (docs/design/simulator.md)')
  .addOption(new Option('--policy <name...>', 'placement policies, side by side').choices(POLICIES).default(['static', 'eplb', 'pinned', 'isomoe']))
  .addOption(new Option('--split <name...>', 'how a step is shared over replicas').choices(BATCH_SPLITS).default(['water']))
  .addOption(new Option('--order <order>', 'one sequence after another, or 64 streams at once').choices(TOKEN_ORDERS).default('interleaved'))
  .option('--hosts <n>', 'hosts that share the experts of every layer', wholeNumberOption(1, HOSTS_MAX), 8)
  .option('--redundant <n>', 'copies that a layer may have beyond one of each expert', wholeNumberOption(0, LIMITS.expertsMax), 16)
  .option('--window <tokens>', 'tokens between plans', wholeNumberOption(1, 1e9), 2048)
  .option('--step <tokens>', 'tokens of a step, one of each stream', wholeNumberOption(1, LIMITS.frameTokensMax), 64)
  .addOption(
    new Option('--shape <LxExK>', 'layers, experts and top-k of a trace in JSON lines').argParser(parseShape).default(parseShape(SHAPE_DEFAULT), SHAPE_DEFAULT),
  )
  .option('--expert-bytes <n>', 'bytes of an expert', wholeNumberOption(1, 2 ** 40), EXPERT_BYTES_DEFAULT)
  .option('--call-ms <n>', "cost model: the engine's thread, a call", numberOption(0, NUMBER_MAX), 0.035)
  .option('--rtt-ms <n>', 'cost model: a round trip', numberOption(0, NUMBER_MAX), 1)
  .option('--pairs-per-ms <n>', 'cost model: (token, expert) pairs that a host computes in a millisecond', numberOption(1e-6, NUMBER_MAX), 1)
  .option('--json', 'as JSON')
  .action(async (options: PlanOptions) => {
    const trace = await readTrace(options.simulate, options.shape)
    const progress = createProgress('plan', process.stderr)
    progress.start(options.policy.length)
    const simulation = runSimulation(
      trace,
      {
        policies: [...new Set(options.policy)],
        splits: [...new Set(options.split)],
        order: options.order,
        hosts: options.hosts,
        redundant: options.redundant,
        windowTokens: options.window,
        stepTokens: options.step,
        expertBytes: options.expertBytes,
        cost: { callMs: options.callMs, rttMs: options.rttMs, pairsPerMs: options.pairsPerMs },
      },
      (policy) => progress.advance(1, policy),
    )
    progress.stop()
    process.stdout.write(options.json ? `${JSON.stringify(simulation, null, 2)}\n` : describeSimulation(simulation))
  })

function parseShape(text: string): TraceShape {
  const match = /^(\d{1,6})x(\d{1,6})x(\d{1,6})$/.exec(text)
  if (!match) throw new InvalidArgumentError('Expected layers, experts and top-k as 24x32x4.')
  const [layers, experts, topK] = match.slice(1).map(Number) as [number, number, number]
  return { layers, experts, topK }
}
