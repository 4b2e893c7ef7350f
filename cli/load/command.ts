import { Command, Option } from 'commander'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { numberOption, wholeNumberOption } from '../number-option.ts'
import { arrivalsOption, sloOption, urlOption } from './options.ts'
import type { LoadCommandOptions } from './run-command.ts'
import { APIS } from './send-request.ts'

const ARRIVALS_DEFAULT = 'poisson:2'

export const loadCommand = new Command('load')
  .description('Load test of an OpenAI-compatible server: open loop on schedule, a mix of texts that shifts in time, latencies, goodput, a report.')
  .requiredOption('--url <url>', 'the server', urlOption)
  .option('--model <id>', 'default: the first that the server lists')
  .addOption(new Option('--api <api>', 'endpoint').choices(APIS).default('completions'))
  .option('--api-key <key>', 'sent as a bearer token (default: the environment variable ISOMOE_API_KEY, else OPENAI_API_KEY)')
  .option('--admin-key <key>', 'to see the cluster of an isomoe server that has one (default: the environment variable ISOMOE_ADMIN_KEY)')
  .addOption(
    new Option(
      '--arrivals <how>',
      'poisson:R or constant:R requests a second, closed:N workers, or a trace file (CSV of TIMESTAMP,ContextTokens,GeneratedTokens)',
    )
      .argParser(arrivalsOption)
      .default(arrivalsOption(ARRIVALS_DEFAULT), ARRIVALS_DEFAULT),
  )
  .option('--rate-scale <x>', 'a trace so many times as fast', numberOption(0.001, 1000), 1)
  .option('--trace-from <s>', 'second of the trace to begin at', numberOption(0, LIMITS.loadDurationSMax), 0)
  .option('--mix <name>', 'kinds of texts over time: a built-in mix (even, shift, shift-code, rotate, or one domain) or a JSON file', 'even')
  .option('--prompts <file>', 'prompts by domain, JSON lines of {domain, text}; they win over built-in ones')
  .option('--duration <s>', 'measured time', numberOption(0.1, LIMITS.loadDurationSMax), 60)
  .option('--warmup <s>', 'time before it, under the same load, that is not measured', numberOption(0, 3600), 5)
  .option('--slo <limits>', 'what a good request keeps: ttft=500,tpot=50,e2e=10s', sloOption)
  .option('--seed <n>', 'same seed, same schedule and prompts', wholeNumberOption(0, 2 ** 32 - 1), 1)
  .option('--max-tokens <n>', 'new tokens of a request; with a trace the most', wholeNumberOption(1, LIMITS.contextMax), 64)
  .option(
    '--prompt-tokens <n>',
    `length of every prompt, by four characters a token (default: as the texts are, or the trace's)`,
    wholeNumberOption(1, LIMITS.promptCharsMax / 4),
  )
  .option('--max-prompt-tokens <n>', 'the longest prompt that a trace may ask for', wholeNumberOption(1, LIMITS.promptCharsMax / 4), 256)
  .option('--temperature <t>', 'sampling temperature', numberOption(0, 2), 0)
  .option('--ignore-eos', 'outputs of full length (vLLM and isomoe; other servers may refuse it)')
  .option(
    '--connections <n>',
    'requests under way at once, at most; what is due beyond them is counted as not sent',
    wholeNumberOption(1, LIMITS.loadConnectionsMax),
    1024,
  )
  .option('--timeout <s>', 'a request that takes longer has failed', numberOption(0.1, 3600), 120)
  .option('--report <file>', 'write a report as one HTML file')
  .option('--svg <file>', 'write its chart as an SVG file')
  .option('--json [file]', 'the report as JSON, into a file or in place of the text')
  .option('--requests', 'with --json: the timeline of each request, too')
  .action(async (options: LoadCommandOptions) => (await import('./run-command.ts')).runLoadCommand(options)) // imported here: other commands need not wait for it
