import { createInterface } from 'node:readline/promises'
import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { CHUNK_DEFAULT } from '../../shared/core/scratch.ts'
import { PLACEMENT_SHAPES } from '../../shared/placement/base-placement.ts'
import { LIMITS, MIB } from '../../shared/protocol/limits.ts'
import { TIERS, TRUNK_PRECISIONS } from '../../shared/protocol/tiers.ts'
import { KERNEL_CHOICES } from '../../wasm/src/kernels.ts'
import { corsOption } from '../dev/cors-option.ts'
import { wholeNumberOption } from '../number-option.ts'
import { createProgress } from '../progress.ts'
import { REPOSITORY } from '../repository.ts'
import { installedWrangler } from '../wrangler.ts'
import { accountStore } from './account-store.ts'
import type { DeployOptions } from './run-deploy.ts'
import type { DestroyOptions } from './run-destroy.ts'

const NAME = /^[a-z][a-z0-9-]{0,22}[a-z0-9]$/
const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/

export const deployCommand = of(new Command('deploy'))
  .description(
    'Put a pack on the Cloudflare account that wrangler is logged in to: uploads it, deploys all scripts. Updates what is there without breaking it.',
  )
  .option('--model <pack>', 'folder of the pack', join(REPOSITORY, 'models/demo'))
  .option('--dry-run', 'all but the network: plan, configs, bundles and their sizes')
  .option('--keys-file <file>', 'keys made by isomoe keys, to be set as secrets (default: those that are deployed)')
  .option('--domain <host>', "custom domain, of a zone of the account (default: the gateway's workers.dev address)", domainOption)
  .option('--cors <origins>', "origins of browsers' pages that may call, between them commas, or *", corsOption)
  .option('--hosts <n>', 'expert hosts, one script each (default: the fewest that hold the experts)', wholeNumberOption(1, LIMITS.hostsMax))
  .option('--standby <n>', 'more hosts, cold and free until the autoscaler wakes them', wholeNumberOption(0, LIMITS.hostsMax - 1), 0)
  .addOption(new Option('--tier <tier>', 'precision to serve').choices(TIERS).default('q8'))
  .addOption(new Option('--trunk <precision>', 'precision of the trunk in tiers q8 and q4').choices(TRUNK_PRECISIONS).default('q8'))
  .option('--arena-mib <n>', 'budget of expert weights on each host', wholeNumberOption(1, LIMITS.hostArenaBytes / MIB), LIMITS.hostArenaBytes / MIB)
  .addOption(new Option('--placement <shape>', 'fewest hosts a layer, or every layer over all hosts').choices(PLACEMENT_SHAPES).default('packed'))
  .option('--chunk <n>', 'prompt tokens of a step while sequences decode; twice as many otherwise', wholeNumberOption(1, 512), CHUNK_DEFAULT)
  .option('--lanes <n>', 'steps under way at once: one computes while others wait for hosts (default: 4)', wholeNumberOption(1, LIMITS.lanesMax))
  .addOption(new Option('--kernels <variant>', 'WASM kernels; auto takes the fastest that is exact there').choices(KERNEL_CHOICES).default('auto'))
  .option('--prune', 'delete what is out of use now, not an hour after')
  .action(async (options: DeployOptions) => {
    const [{ runDeploy }, { fingerprint }] = await Promise.all([import('./run-deploy.ts'), import('./fingerprint.ts')]) // wrangler and esbuild take a second that other commands need not wait
    const progress = createProgress('upload', process.stderr)
    await runDeploy(options, { wrangler: installedWrangler(), store: accountStore(process.env), fingerprint, progress, nowMs: Date.now, say })
  })

export const destroyCommand = of(new Command('destroy'))
  .description('Delete what isomoe deploy put up under a name.')
  .option('--with-pack', 'its packs in the bucket too, where no other deployment has them')
  .option('--yes', 'do not ask for the name')
  .option('--dry-run', 'say what would be deleted')
  .action(async (options: DestroyOptions) => {
    const { runDestroy } = await import('./run-destroy.ts')
    await runDestroy(options, { wrangler: installedWrangler(), store: accountStore(process.env), ask, say })
  })

function of(command: Command): Command {
  return command
    .option(
      '--name <name>',
      'of the deployment: in front of the names of all its scripts',
      named(NAME, '2 to 24 lower-case letters, digits and hyphens'),
      'isomoe',
    )
    .option('--bucket <name>', 'R2 bucket for the pack and the record of what is deployed; it must exist', named(BUCKET, "a bucket's name"), 'isomoe')
    .option('--state <dir>', 'where configs are written, in deploy/<name>', '.isomoe')
}

function named(pattern: RegExp, what: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text)) throw new InvalidArgumentError(`Expected ${what}.`)
    return text
  }
}

function domainOption(text: string): string {
  if (!/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/.test(text)) throw new InvalidArgumentError('Expected a host, as llm.example.com.')
  return text
}

async function ask(question: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await terminal.question(question)).trim()
  } finally {
    terminal.close()
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
