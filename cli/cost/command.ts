import { setTimeout as sleep } from 'node:timers/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { countedBetween, measuredCost } from '../../shared/cost/measured-cost.ts'
import { CliError } from '../errors.ts'
import { urlOption } from '../load/options.ts'
import { readPrices } from '../plan/price-file.ts'
import { describeCost } from './cost-report.ts'
import { readCounters } from './read-counters.ts'

interface CostOptions {
  readonly url: string
  readonly adminKey?: string
  readonly window: number
  readonly since?: 'start'
  readonly prices?: string
  readonly json?: true
}

const WINDOW_S_MAX = 24 * 3600

export const costCommand = new Command('cost')
  .description('What a running instance costs, from its own counters: per million tokens, and a month of the same.')
  .requiredOption('--url <url>', 'of the instance', urlOption)
  .option('--admin-key <key>', 'of the instance (default: the environment variable ISOMOE_ADMIN_KEY)')
  .addOption(new Option('--window <s>', 'span that is measured, as 60 or 60s').argParser(parseWindow).default(60, '60'))
  .addOption(new Option('--since <start>', 'all that was counted since it began, at once; durations are a lower bound').choices(['start']).conflicts('window'))
  .option('--prices <file>', 'table of prices, as JSON (docs/design/cost.md)')
  .option('--json', 'as JSON')
  .action(async (options: CostOptions) => {
    const prices = await readPrices(options.prices)
    const cost = measuredCost({ ...(await measure(options)), prices })
    process.stdout.write(options.json ? `${JSON.stringify({ ...cost, prices }, null, 2)}\n` : describeCost(cost, prices))
  })

/** Two readings and what lies between them, or one and all of it. Hosts are those of the later one. */
async function measure({ url, adminKey, window, since }: CostOptions) {
  const server = url.replace(/\/+$/, '').replace(/\/v1$/, '')
  const key = adminKey ?? process.env['ISOMOE_ADMIN_KEY'] ?? null
  const first = await readCounters(server, key)
  if (since === 'start') return { counted: first.counters, spanS: null, warmHosts: first.warmHosts }
  const begin = performance.now()
  await sleep(window * 1000)
  const last = await readCounters(server, key)
  const counted = countedBetween(first.counters, last.counters)
  if (counted === null) throw new CliError('server-refused', `${server} began to count anew within the span: measure again`)
  return { counted, spanS: (performance.now() - begin) / 1000, warmHosts: last.warmHosts }
}

function parseWindow(text: string): number {
  const seconds = Number(text.replace(/s$/, ''))
  if (text === '' || !(seconds > 0 && seconds <= WINDOW_S_MAX)) throw new InvalidArgumentError(`Expected seconds up to ${WINDOW_S_MAX}, as 60 or 60s.`)
  return seconds
}
