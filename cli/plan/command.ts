import { Command, InvalidArgumentError, Option } from 'commander'
import { NETWORK_LANES } from '../../shared/core/scratch.ts'
import { TOKEN_ORDERS } from '../../shared/placement/routing-trace.ts'
import { POLICIES } from '../../shared/placement/sim-policies.ts'
import { BATCH_SPLITS } from '../../shared/placement/split-tally.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { TIERS, TRUNK_PRECISIONS } from '../../shared/protocol/tiers.ts'
import { numberOption, wholeNumberOption } from '../number-option.ts'
import { runModelPlan } from './run-model-plan.ts'
import type { ModelOptions } from './run-model-plan.ts'
import { runSimulate } from './run-simulate.ts'
import type { SimulateOptions } from './run-simulate.ts'
import type { TraceShape } from './trace-file.ts'

const NUMBER_MAX = 1e9
/** An expert of gpt-oss-20b at q4: 3 · 2880 · 2880 weights of 4.5 bits. */
const EXPERT_BYTES_DEFAULT = (3 * 2880 * 2880 * 4.5) / 8

/** That of gpt-oss-20b. */
const SHAPE_DEFAULT = '24x32x4'
const BATCHES_DEFAULT = '1,8,32'

const SIMULATION = 'Simulation of placement policies (--simulate):'
const MODEL = 'Plan of a deployment (--model or --spec):'

export const planCommand = new Command('plan')
  .description('Plan what would serve a model and what it costs, or replay a routing trace under placement policies.')
  .option('--model <pack>', 'folder of a pack: hosts, bytes, speed and cost of serving it')
  .option('--spec <config>', 'the same from a config.json of Hugging Face, or its folder: before anything is downloaded')
  .option('--simulate <trace>', 'routing trace: the compact form or JSON lines, gzipped or not (docs/design/simulator.md)')
  .option('--hosts <n>', 'expert hosts (default: 8 to simulate, the fewest that hold the experts to plan)', wholeNumberOption(1, LIMITS.hostsMax))
  .option('--rtt-ms <n>', 'a round trip between engine and host (default: 1 to simulate, that of the probe or 2 to plan)', numberOption(0, NUMBER_MAX))
  .option('--prices <file>', 'table of prices, as JSON (docs/design/cost.md)')
  .option('--json', 'as JSON')
  .optionsGroup(MODEL)
  .addOption(new Option('--tier <tier>', 'precision to serve').choices(TIERS).default('q8'))
  .addOption(new Option('--trunk <precision>', 'precision of the trunk in tiers q8 and q4').choices(TRUNK_PRECISIONS).default('q8'))
  .option('--lanes <n>', `steps under way at once (default: ${NETWORK_LANES}, or 1 with --local)`, wholeNumberOption(1, LIMITS.lanesMax))
  .option('--context <n>', 'positions that one sequence must be able to have (default: what a request needs)', wholeNumberOption(1, LIMITS.contextMax))
  .option('--standby <n>', 'more hosts that hold nothing until the autoscaler wakes them', wholeNumberOption(0, LIMITS.hostsMax - 1), 0)
  .addOption(new Option('--concurrency <list>', 'sequences at a time').argParser(parseBatches).default(parseBatches(BATCHES_DEFAULT), BATCHES_DEFAULT))
  .option('--prompt-tokens <n>', 'of a request', wholeNumberOption(1, LIMITS.contextMax), 512)
  .option('--output-tokens <n>', 'of a request', wholeNumberOption(1, LIMITS.contextMax), 128)
  .option('--tokens-per-day <n>', 'expected output tokens: reckons a month', numberOption(1, 1e12))
  .addOption(new Option('--requests-per-s <n>', 'the same in requests').argParser(numberOption(1e-9, 1e6)).conflicts('tokensPerDay'))
  .option('--linger-s <n>', 'how long objects stay live after their last work', numberOption(0, 3600), 105)
  .option('--rate <n>', 'weights a second that an isolate reads at the served tier (default: measured)', numberOption(1e5, 1e13))
  .option('--probe <file>', 'what isomoe probe found: round trip, storage, speed')
  .option('--local', 'predict isomoe dev: one thread, no network')
  .option('--hypothetical', 'price a trunk that is cut over several engines, which isomoe cannot serve yet')
  .optionsGroup(SIMULATION)
  .addOption(new Option('--policy <name...>', 'placement policies, side by side').choices(POLICIES).default(['static', 'eplb', 'pinned', 'isomoe']))
  .addOption(new Option('--split <name...>', 'how a step is shared over replicas').choices(BATCH_SPLITS).default(['water']))
  .addOption(new Option('--order <order>', 'one sequence after another, or 64 streams at once').choices(TOKEN_ORDERS).default('interleaved'))
  .option('--redundant <n>', 'copies that a layer may have beyond one of each expert', wholeNumberOption(0, LIMITS.expertsMax), 16)
  .option('--window <tokens>', 'tokens between plans', wholeNumberOption(1, 1e9), 2048)
  .option('--step <tokens>', 'tokens of a step, one of each stream', wholeNumberOption(1, LIMITS.frameTokensMax), 64)
  .addOption(
    new Option('--shape <LxExK>', 'layers, experts and top-k of a trace in JSON lines').argParser(parseShape).default(parseShape(SHAPE_DEFAULT), SHAPE_DEFAULT),
  )
  .option('--expert-bytes <n>', 'bytes of an expert', wholeNumberOption(1, 2 ** 40), EXPERT_BYTES_DEFAULT)
  .option('--call-ms <n>', "cost model: the engine's thread, a call", numberOption(0, NUMBER_MAX), 0.035)
  .option('--pairs-per-ms <n>', 'cost model: (token, expert) pairs that a host computes in a millisecond', numberOption(1e-6, NUMBER_MAX), 1)
  .action(async (options: PlanOptions, command: Command) => {
    const simulate = checkMode(options, command)
    process.stdout.write(await (simulate ? runSimulate(options as SimulateOptions) : runModelPlan(options)))
  })

type PlanOptions = ModelOptions & Partial<SimulateOptions>

/** Whether it simulates. Exactly one thing is planned, and an option of the other kind is a mistake and not ignored. */
function checkMode(options: PlanOptions, command: Command): boolean {
  const given = (['model', 'spec', 'simulate'] as const).filter((name) => options[name] !== undefined)
  if (given.length !== 1) throw new InvalidArgumentError('exactly one of --model, --spec and --simulate is needed.')
  const other = given[0] === 'simulate' ? MODEL : SIMULATION
  const misplaced = command.options.find((option) => option.helpGroupHeading === other && command.getOptionValueSource(option.attributeName()) === 'cli')
  if (misplaced) throw new InvalidArgumentError(`${misplaced.long} is not an option of --${given[0]}.`)
  return given[0] === 'simulate'
}

function parseBatches(text: string): number[] {
  const batches = text.split(',').map(wholeNumberOption(1, LIMITS.runningMax))
  if (batches.length > 16) throw new InvalidArgumentError('At most 16 batch sizes.')
  return batches
}

function parseShape(text: string): TraceShape {
  const match = /^(\d{1,6})x(\d{1,6})x(\d{1,6})$/.exec(text)
  if (!match) throw new InvalidArgumentError('Expected layers, experts and top-k as 24x32x4.')
  const [layers, experts, topK] = match.slice(1).map(Number) as [number, number, number]
  return { layers, experts, topK }
}
