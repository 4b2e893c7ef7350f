import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { constants } from 'node:os'
import { join, resolve } from 'node:path'
import { NETWORK_LANES } from '../../shared/core/scratch.ts'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import { MIB } from '../../shared/protocol/limits.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import { KERNEL_VARIANTS } from '../../wasm/src/kernels.ts'
import type { KernelChoice } from '../../wasm/src/kernels.ts'
import { CliError } from '../errors.ts'
import type { Mix } from '../load/mix.ts'
import { readMix } from '../load/read-mix.ts'
import { startSeedTraffic } from '../load/seed-traffic.ts'
import { readPackFolder } from '../pack-folder.ts'
import { createProgress } from '../progress.ts'
import { REPOSITORY } from '../repository.ts'
import { writeConfigs } from './configs.ts'
import { startLocalCluster, STOP_SIGNALS } from './local-cluster.ts'
import type { LocalCluster } from './local-cluster.ts'
import { planDev } from './plan.ts'
import type { DevPlan } from './plan.ts'
import { startRelay } from './relay.ts'
import type { Relay } from './relay.ts'
import { seedLocalR2 } from './seed.ts'
import { lockState } from './state-lock.ts'

export interface DevOptions {
  readonly model: string
  readonly port: number
  readonly hosts: number
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
  readonly seedTraffic?: string
}

const READY_POLL_MS = 50

/** Plans, starts, seeds, says `ready`, and stops all of it on Ctrl-C. */
export async function runDev(options: DevOptions): Promise<void> {
  const manifest = await readPackFolder(options.model)
  const plan = planDev({
    manifest,
    tier: options.tier,
    trunk: options.trunk,
    hostCount: options.hosts,
    arenaBytes: options.arenaMib * MIB,
    shape: options.placement,
    chunk: options.chunk,
    lanes: lanesOf(options),
  })
  if (plan.over.length > 0) {
    process.stderr.write(plan.table)
    throw new CliError('over-budget', `${plan.over.join(', ')} would not fit: use more hosts or a smaller tier`)
  }
  const mix = options.seedTraffic === undefined ? null : await readMix(options.seedTraffic)
  if (mix !== null && !manifest.tokenizer) throw new CliError('mix-invalid', 'seed traffic is text, but the pack has no tokenizer')
  const interrupted = onceInterrupted()
  const unlock = await lockState(resolve(options.state))
  try {
    const relay = await openPort(options.port)
    try {
      await serve(options, manifest, plan, relay, mix, interrupted)
    } finally {
      relay.close()
    }
  } finally {
    await unlock()
  }
}

/** In one process all workers share a thread: nobody computes while a lane waits. With a network between them somebody may. */
function lanesOf({ lanes, rttMs }: DevOptions): number {
  return lanes ?? (rttMs > 0 ? NETWORK_LANES : 1)
}

async function serve(
  options: DevOptions,
  manifest: Manifest,
  plan: DevPlan,
  relay: Relay,
  mix: Mix | null,
  interrupted: Promise<'interrupted'>,
): Promise<void> {
  const starting = startScripts(options, manifest, plan)
  try {
    const ready = starting.then((cluster) => seedAndLoad(options, manifest, cluster, relay))
    if ((await Promise.race([ready, interrupted])) !== 'ready') return
    process.stdout.write(`${plan.table}${networkText(options)}${readyText(options, manifest)}`)
    const server = { url: `http://127.0.0.1:${options.port}`, model: manifest.name }
    const traffic = mix === null ? null : startSeedTraffic(server, mix, (line) => process.stdout.write(`${line}\n`))
    await interrupted
    await traffic?.stop()
  } finally {
    await starting.then(
      (cluster) => cluster.stop(),
      () => undefined, // there is nothing to stop; the failure is on its way as `ready`
    )
  }
}

/** Taken before anything else is started, so that a busy port is known at once. Requests wait until there is something to serve them. */
async function openPort(port: number): Promise<Relay> {
  try {
    return await startRelay(port, () => process.stderr.write('isomoe: workerd is gone; it is started again, what ran is lost\n'))
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? new CliError('port-in-use', `port ${port} is in use: choose another with --port`) : error
  }
}

async function seedAndLoad(options: DevOptions, manifest: Manifest, cluster: LocalCluster, relay: Relay): Promise<'ready'> {
  await seedLocalR2(options.model, manifest, await cluster.bucket(), createProgress('seed', process.stderr))
  relay.passTo(cluster.port)
  return untilReady(relay.port)
}

async function startScripts(options: DevOptions, manifest: Manifest, plan: DevPlan): Promise<LocalCluster> {
  const state = resolve(options.state)
  const configs = await writeConfigs(join(state, 'configs'), {
    modelPrefix: packPrefix(manifest.name, manifest.digest),
    tier: options.tier,
    trunk: options.trunk,
    hosts: plan.hosts,
    arenaBytes: plan.arenaBytes,
    placement: options.placement,
    chunk: options.chunk,
    kernels: options.kernels,
    prefixCache: options.prefixCache,
    lanes: lanesOf(options),
    rttMs: options.rttMs,
  })
  // With plain kernels no other module is even loaded: a runtime that does not know relaxed SIMD refuses the whole script for one.
  const plain = join(REPOSITORY, 'wasm/build/kernels.plain.wasm')
  const wasmAlias = new Map(options.kernels === 'plain' ? KERNEL_VARIANTS.map((variant) => [`kernels.${variant}.wasm`, plain]) : [])
  const log = createWriteStream(join(state, 'workers.log'))
  await once(log, 'open') // rejects where it cannot be written
  return startLocalCluster({ configs, wasmAlias, persistPath: join(state, 'state'), onLog: ({ level, message }) => log.write(`${level} ${message}\n`) })
}

/** Asks /health until the model is loaded. Throws the service's own reason where it says that loading failed. */
async function untilReady(port: number): Promise<'ready'> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    if (response.status === 200) return 'ready'
    const { error } = (await response.json()) as { error: { code: string; message: string } }
    if (error.code !== 'loading') throw new CliError('model-failed', `the model does not load: ${error.message}`)
    await new Promise((done) => setTimeout(done, READY_POLL_MS))
  }
}

/**
 * A second signal ends the process where it is; Miniflare's handler of `exit` takes workerd along.
 * Not `once`: a handler that is gone when it runs makes wrangler's signal-exit believe that nobody handles the signal.
 */
function onceInterrupted(): Promise<'interrupted'> {
  let signals = 0
  return new Promise((done) => {
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (++signals > 1) process.exit(128 + constants.signals[signal])
        done('interrupted')
      })
    }
  })
}

/** Nobody shall take a delay that was asked for as the machine's own. */
function networkText({ rttMs }: DevOptions): string {
  return rttMs > 0 ? `emulated network: ${rttMs} ms for each call to a host\n` : ''
}

/** The ready line, and a request that works as it stands: a pack without a tokenizer takes ids only. */
function readyText(options: DevOptions, manifest: Manifest): string {
  const url = `http://127.0.0.1:${options.port}`
  const model = manifest.name
  const prompt = manifest.tokenizer ? { prompt: 'Once upon a time' } : { prompt: [1, 2, 3], return_token_ids: true }
  const body = JSON.stringify({ model, ...prompt, max_tokens: 60, stream: true })
  return `ready ${url} ${model} ${options.tier} on ${options.hosts} hosts\n\n  curl -N ${url}/v1/completions -H 'content-type: application/json' -d '${body}'\n\n`
}
