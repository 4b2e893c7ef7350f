import { access, constants, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { LOCATION_HINTS, PROBE_LIMITS } from '../../shared/protocol/probe-api.ts'
import type { LocationHint } from '../../shared/protocol/probe-api.ts'
import { numberOption, wholeNumberOption } from '../number-option.ts'
import { createProgress } from '../progress.ts'
import { PROBES, PROBES_DEFAULT } from './ask-all.ts'
import type { ProbeName } from './ask-all.ts'
import { describeProbe } from './probe-report.ts'

export interface ProbeOptions {
  readonly only?: readonly ProbeName[]
  readonly deploy?: true
  readonly dryRun?: true
  readonly out?: string
  readonly json?: true
  readonly bucket: string
  readonly scripts: number
  readonly objects: number
  readonly calls: number
  readonly hint: readonly LocationHint[]
  readonly range: readonly number[]
  readonly reads: number
  readonly cpuSeconds: number
  readonly cpuCalls: number
  readonly memoryMib: number
}

const RANGES_DEFAULT = '1,4,16'

export const probeCommand = new Command('probe')
  .description('Measure what the platform does not document: isolates, round trips, storage, speed. In workerd here, or on an account.')
  .addOption(
    new Option('--only <names>', `what to ask, of ${PROBES.join(', ')} (default: all but cpu and memory, which may break what they ask)`).argParser(parseNames),
  )
  .option('--deploy', 'on the account that wrangler is logged in to: deploys the probe, asks, deletes it')
  .option('--dry-run', "with --deploy: wrangler's own dry run, without network")
  .option('--out <file>', 'write the result there, for isomoe plan --probe')
  .option('--json', 'print the result as JSON')
  .option('--bucket <name>', 'R2 bucket of the account, in which one object is written and deleted', 'isomoe')
  .option('--scripts <n>', 'scripts beside the one that asks', wholeNumberOption(1, 16), 3)
  .option('--objects <n>', 'objects of one class whose isolates are counted', wholeNumberOption(1, PROBE_LIMITS.objectsMax), 32)
  .option('--calls <n>', 'calls of a round trip', wholeNumberOption(10, PROBE_LIMITS.callsMax), 200)
  .addOption(new Option('--hint <names...>', 'locations in which objects are asked for, beside none').choices(LOCATION_HINTS).default([]))
  .addOption(new Option('--range <MiB>', 'ranges that are read').argParser(parseRanges).default(parseRanges(RANGES_DEFAULT), RANGES_DEFAULT))
  .option('--reads <n>', 'reads of each kind', wholeNumberOption(1, PROBE_LIMITS.readsMax), 16)
  .option('--cpu-seconds <n>', 'cpu: compute of one call', numberOption(0.01, 300), 5)
  .option('--cpu-calls <n>', 'cpu: calls in one session at most', wholeNumberOption(1, 100), 12)
  .option('--memory-mib <n>', 'memory: WASM memory that is filled at most', wholeNumberOption(1, PROBE_LIMITS.memoryMiBMax), 256)
  .action(async (options: ProbeOptions) => {
    if (options.dryRun && !options.deploy) throw new InvalidArgumentError('--dry-run is of --deploy.')
    const { dryRunProbe, runProbe } = await import('./run-probe.ts') // imported here: wrangler takes a second that other commands need not wait
    if (options.dryRun) {
      process.stdout.write(`${await dryRunProbe(options.scripts, options.bucket)}\n`)
      return
    }
    if (options.out !== undefined) await access(dirname(options.out), constants.W_OK) // before minutes of measuring, not after
    const result = await runProbe(options, options.only ?? PROBES_DEFAULT, createProgress('probe', process.stderr))
    const json = `${JSON.stringify(result, null, 2)}\n`
    if (options.out !== undefined) await writeFile(options.out, json)
    process.stdout.write(options.json ? json : describeProbe(result))
  })

function parseNames(text: string): ProbeName[] {
  return text.split(',').map((given) => {
    const name = PROBES.find((known) => known === given)
    if (name === undefined) throw new InvalidArgumentError(`Probes are ${PROBES.join(', ')}.`)
    return name
  })
}

function parseRanges(text: string): number[] {
  return text.split(',').map(wholeNumberOption(1, PROBE_LIMITS.rangeBytesMax / 1024 / 1024))
}
