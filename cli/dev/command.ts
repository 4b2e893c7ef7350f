import { join } from 'node:path'
import { Command, Option } from 'commander'
import { CHUNK_DEFAULT } from '../../shared/core/scratch.ts'
import { PLACEMENT_SHAPES } from '../../shared/placement/base-placement.ts'
import { LIMITS, MIB } from '../../shared/protocol/limits.ts'
import { TIERS, TRUNK_PRECISIONS } from '../../shared/protocol/tiers.ts'
import { KERNEL_CHOICES } from '../../wasm/src/kernels.ts'
import { wholeNumberOption } from '../number-option.ts'
import { REPOSITORY } from '../repository.ts'
import { corsOption } from './cors-option.ts'
import type { DevOptions } from './run-dev.ts'

export const devCommand = new Command('dev')
  .description('Serve a pack on this machine: seeds local R2, starts gateway, engine, autoscaler and expert hosts in workerd.')
  .option('--model <pack>', 'folder of the pack', join(REPOSITORY, 'models/demo'))
  .option('--port <n>', 'port of the gateway on 127.0.0.1', wholeNumberOption(1, 65535), 8787)
  .option('--hosts <n>', 'expert hosts, one script and isolate each', wholeNumberOption(1, LIMITS.hostsMax), 4)
  .option('--standby <n>', 'more hosts that hold nothing until the autoscaler wakes them', wholeNumberOption(0, LIMITS.hostsMax - 1), 0)
  .option('--processes <n>', 'workerd processes: with 2 hosts run beside the rest, with 3 the engine does too', wholeNumberOption(1, LIMITS.hostsMax + 2), 1)
  .addOption(new Option('--tier <tier>', 'precision to serve').choices(TIERS).default('q8'))
  .addOption(new Option('--trunk <precision>', 'precision of the trunk in tiers q8 and q4').choices(TRUNK_PRECISIONS).default('q8'))
  .option('--state <dir>', 'where local R2, logs and generated configs live', '.isomoe')
  .option('--arena-mib <n>', 'budget of expert weights on each host', wholeNumberOption(1, LIMITS.hostArenaBytes / MIB), LIMITS.hostArenaBytes / MIB)
  .addOption(new Option('--placement <shape>', 'fewest hosts a layer, or every layer over all hosts').choices(PLACEMENT_SHAPES).default('packed'))
  .option('--chunk <n>', 'prompt tokens of a step while sequences decode; twice as many otherwise', wholeNumberOption(1, 512), CHUNK_DEFAULT)
  .addOption(new Option('--kernels <variant>', 'WASM kernels; auto takes the fastest that is exact here').choices(KERNEL_CHOICES).default('auto'))
  .option(
    '--lanes <n>',
    'steps under way at once: one computes while others wait for hosts (default: 1, or 4 with --rtt-ms)',
    wholeNumberOption(1, LIMITS.lanesMax),
  )
  .option('--rtt-ms <n>', 'emulated network: every call to a host takes at least so much longer', wholeNumberOption(0, LIMITS.rttMsMax), 0)
  .option('--host-rate <n>', 'emulated host: it computes so many weights a second at most', wholeNumberOption(LIMITS.hostRateMin, LIMITS.hostRateMax))
  .addOption(
    new Option('--prefix-cache <switch>', 'share the KV pages of equal prefixes; off only to measure what it wins').choices(['on', 'off']).default('on'),
  )
  .option('--keys <file>', 'API keys that requests must bring, made by isomoe keys (default: keys.json in the state folder, if it is there)')
  .option('--cors <origins>', "origins of browsers' pages that may call, between them commas, or *", corsOption)
  .option('--seed-traffic <mix>', 'once ready, send small traffic of our own: a mix of isomoe load, such as shift')
  .action(async (options: DevOptions) => (await import('./run-dev.ts')).runDev(options)) // imported here: wrangler takes a second that other commands need not wait
