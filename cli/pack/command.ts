import { constants } from 'node:os'
import { Command, InvalidArgumentError, Option } from 'commander'
import { isTier, TIERS } from '../../shared/protocol/tiers.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { manifestBytes, objectNames } from '../pack-folder.ts'
import { createProgress } from '../progress.ts'
import { formatBytes } from '../table.ts'
import { packCheckpoint } from './pack.ts'
import { stageOutput } from './staging.ts'
import type { Staging } from './staging.ts'

interface PackOptions {
  readonly out: string
  readonly name?: string
  readonly tiers: readonly Tier[]
}

export const packCommand = new Command('pack')
  .description('Turn a Hugging Face folder into a pack: quantised, checksummed, ready for R2.')
  .argument('<hf-dir>', 'folder with config.json and model.safetensors, or its shards and their index')
  .requiredOption('--out <dir>', 'folder of the pack; a pack that is there is replaced, its README.md kept')
  .option('--name <model id>', 'name that clients ask for (default: the folder name)')
  .addOption(new Option('--tiers <list>', `precisions to pack for, of ${TIERS.join(',')}; q8 includes q4`).argParser(parseTiers).default(['q8'], 'q8'))
  .action(runPack)

async function runPack(from: string, options: PackOptions): Promise<void> {
  const startedMs = performance.now()
  const progress = createProgress('pack', process.stderr)
  let staging: Staging | null = null
  const interrupt = (signal: NodeJS.Signals) => {
    progress.stop()
    staging?.discard()
    process.exit(128 + constants.signals[signal]) // what a shell makes of a process that the signal ended
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.once(signal, interrupt)
  const stage = async () => (staging = await stageOutput(options.out))
  const manifest = await packCheckpoint({ from, name: options.name ?? null, tiers: options.tiers }, stage, progress)
  for (const signal of signals) process.off(signal, interrupt)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  const size = `${formatBytes(manifestBytes(manifest))} in ${objectNames(manifest).length} objects`
  process.stdout.write(`packed ${manifest.name} (${manifest.tiers.join(', ')}): ${size}, ${seconds} s\ndigest ${manifest.digest}\n`)
}

function parseTiers(list: string): Tier[] {
  return list.split(',').map((tier) => {
    if (!isTier(tier)) throw new InvalidArgumentError(`Tiers are ${TIERS.join(', ')}, separated by commas.`)
    return tier
  })
}
