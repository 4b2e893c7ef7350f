import { once } from 'node:events'
import { createWriteStream, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { NETWORK_LANES } from '../../shared/core/scratch.ts'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import { callPairsOf } from '../../shared/placement/call-pairs.ts'
import { LIMITS, MIB } from '../../shared/protocol/limits.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import { KERNEL_VARIANTS } from '../../wasm/src/kernels.ts'
import type { KernelChoice } from '../../wasm/src/kernels.ts'
import { CliError } from '../errors.ts'
import type { ResolvedMix } from '../load/mix.ts'
import { readSeedMix, startSeedTraffic } from '../load/seed-traffic.ts'
import { readPackFolder } from '../pack-folder.ts'
import { createProgress } from '../progress.ts'
import { REPOSITORY } from '../repository.ts'
import { plannedSettings, writeConfigs } from './configs.ts'
import { readDevAccess } from './dev-access.ts'
import type { DevAccess } from './dev-access.ts'
import { startLocalCluster } from './local-cluster.ts'
import type { LocalCluster, ProcessStatus } from './local-cluster.ts'
import { planDev } from './plan.ts'
import type { DevPlan } from './plan.ts'
import { dealProcesses, processesMax } from './processes.ts'
import { processLine, readyText } from './ready-text.ts'
import { startRelay } from './relay.ts'
import type { Relay } from './relay.ts'
import { seedLocalR2 } from './seed.ts'
import { lockState } from './state-lock.ts'
import { onceInterrupted } from './stop-signals.ts'

export interface DevOptions {
  readonly model: string
  readonly port: number
  readonly hosts: number
  readonly standby: number
  readonly processes: number
  readonly tier: Tier
  readonly trunk: TrunkPrecision
  readonly state: string
  readonly arenaMib: number
  readonly placement: PlacementShape
  readonly chunk: number
  readonly kernels: KernelChoice
  readonly prefixCache: 'on' | 'off'
  /** Absent: what suits the network. */
  readonly lanes?: number
  readonly rttMs: number
  /** Absent: as fast as the machine is. */
  readonly hostRate?: number
  /** File of keys. Absent: the state folder's, if it has one. */
  readonly keys?: string
  /** Origins of browsers' pages that may call. */
  readonly cors?: string
  /** A mix of isomoe load. Absent: none. */
  readonly seedTraffic?: string
}

const READY_POLL_MS = 50
/** How long the gateway may not find the engine: processes hear of each other a moment after they run. */
const REACHED_MS_MAX = 15_000

/** Plans, starts, seeds, says `ready`, and stops all of it on Ctrl-C. */
export async function runDev(options: DevOptions): Promise<void> {
  checkCounts(options)
  const manifest = await readPackFolder(options.model)
  const plan = planDev({
    manifest,
    tier: options.tier,
    trunk: options.trunk,
    hostCount: options.hosts,
    standbyCount: options.standby,
    arenaBytes: options.arenaMib * MIB,
    shape: options.placement,
    chunk: options.chunk,
    lanes: lanesOf(options),
  })
  if (plan.over.length > 0) {
    process.stderr.write(plan.table)
    throw new CliError('over-budget', `${plan.over.join(', ')} would not fit: use more hosts or a smaller tier`)
  }
  const mix = options.seedTraffic === undefined ? null : await readSeedMix(options.seedTraffic)
  if (mix !== null && !manifest.tokenizer) throw new CliError('mix-invalid', 'seed traffic is text, but the pack has no tokenizer')
  const access = await readDevAccess(options)
  const interrupted = onceInterrupted()
  const unlock = await lockState(resolve(options.state))
  try {
    const relay = await openPort(options.port)
    try {
      await serve(options, manifest, plan, access, relay, mix, interrupted)
    } finally {
      relay.close()
    }
  } finally {
    await unlock()
  }
}

function checkCounts({ hosts, standby, processes }: DevOptions): void {
  const hostCount = hosts + standby
  if (hostCount > LIMITS.hostsMax) throw new InvalidArgumentError(`${hosts} hosts and ${standby} standby are more than ${LIMITS.hostsMax}.`)
  if (processes > processesMax(hostCount)) throw new InvalidArgumentError(`${hostCount} hosts fill ${processesMax(hostCount)} processes at most.`)
}

/**
 * In one process all workers share a thread: nobody computes while a lane waits. With a network between them somebody may. Between processes
 * of one machine a call costs the engine more than the wait (docs/design/local-cluster.md has the figures).
 */
function lanesOf({ lanes, rttMs }: DevOptions): number {
  return lanes ?? (rttMs > 0 ? NETWORK_LANES : 1)
}

async function serve(
  options: DevOptions,
  manifest: Manifest,
  plan: DevPlan,
  access: DevAccess,
  relay: Relay,
  mix: ResolvedMix | null,
  interrupted: Promise<'interrupted'>,
): Promise<void> {
  const starting = startScripts(options, manifest, plan, access, relay)
  try {
    const ready = starting.then((cluster) => seedAndLoad(options, manifest, cluster, relay))
    if ((await Promise.race([ready, interrupted])) !== 'ready') return
    process.stdout.write(`${plan.table}${readyText(options, manifest, access, (await starting).processes())}`)
    const server = { url: `http://127.0.0.1:${options.port}`, model: manifest.name, apiKey: access.ownKey }
    const traffic = mix === null ? null : startSeedTraffic(server, mix, (line) => process.stdout.write(`${line}\n`))
    await interrupted
    await traffic?.stop()
  } finally {
    await starting.then(
      (cluster) => cluster.stop(),
      () => undefined, // there is nothing to stop; the failure is on its way as `ready`
    )
    rmSync(processesFile(options), { force: true }) // its pids belong to others soon
  }
}

/** Taken before anything else is started, so that a busy port is known at once. Requests wait until there is something to serve them. */
async function openPort(port: number): Promise<Relay> {
  try {
    return await startRelay(port)
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? new CliError('port-in-use', `port ${port} is in use: choose another with --port`) : error
  }
}

async function seedAndLoad(options: DevOptions, manifest: Manifest, cluster: LocalCluster, relay: Relay): Promise<'ready'> {
  await seedLocalR2(options.model, manifest, await cluster.bucket(), createProgress('seed', process.stderr))
  await cluster.startOthers()
  writeProcesses(options, cluster.processes())
  relay.passTo(cluster.port())
  return untilReady(relay.port)
}

async function startScripts(options: DevOptions, manifest: Manifest, plan: DevPlan, access: DevAccess, relay: Relay): Promise<LocalCluster> {
  const state = resolve(options.state)
  const configs = await writeConfigs(join(state, 'configs'), {
    ...plannedSettings(manifest, options, plan),
    prefixCache: options.prefixCache,
    lanes: lanesOf(options),
    rttMs: options.rttMs,
    hostRate: options.hostRate ?? 0,
    callPairs: options.hostRate === undefined ? 'auto' : callPairsOf(manifest.spec, options.hostRate),
    access: access.vars,
  })
  // With plain kernels no other module is even loaded: a runtime that does not know relaxed SIMD refuses the whole script for one.
  const plain = join(REPOSITORY, 'wasm/build/kernels.plain.wasm')
  const wasmAlias = new Map(options.kernels === 'plain' ? KERNEL_VARIANTS.map((variant) => [`kernels.${variant}.wasm`, plain]) : [])
  const log = createWriteStream(join(state, 'workers.log'))
  await once(log, 'open') // rejects where it cannot be written
  return startLocalCluster({
    processes: dealProcesses(configs, options.processes),
    wasmAlias,
    statePath: state,
    onLog: ({ level, message }) => log.write(`${level} ${message}\n`),
    onLost(lost, delayMs) {
      if (lost.process === 0) relay.hold()
      const when = delayMs === 0 ? '' : ` in ${delayMs} ms`
      const connections = lost.process === 0 ? ', connections to it are lost' : '' // streams survive the loss of engine and hosts
      process.stderr.write(`isomoe: ${processLine(lost)} is gone; it is started again${when}${connections}\n`)
    },
    onRunning(started, all) {
      if (started.process === 0) relay.passTo(started.port)
      writeProcesses(options, all)
    },
  })
}

function processesFile({ state }: DevOptions): string {
  return join(resolve(state), 'processes.json')
}

/** Whole at any time: who wants to end a process finds its pid there, and sees the new one when it runs again. */
function writeProcesses(options: DevOptions, processes: readonly ProcessStatus[]): void {
  const path = processesFile(options)
  writeFileSync(`${path}.draft`, `${JSON.stringify({ processes }, null, 2)}\n`)
  renameSync(`${path}.draft`, path)
}

/** Asks /health until the model is loaded. Throws the service's own reason where it says that loading failed. */
async function untilReady(port: number): Promise<'ready'> {
  const giveUpMs = performance.now() + REACHED_MS_MAX
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    if (response.status === 200) return 'ready'
    const { error } = (await response.json()) as { error: { code: string; message: string } }
    const unreached = error.code === 'host_unavailable' && performance.now() < giveUpMs
    if (error.code !== 'loading' && !unreached) throw new CliError('model-failed', `the model does not load: ${error.message}`)
    await new Promise((done) => setTimeout(done, READY_POLL_MS))
  }
}
