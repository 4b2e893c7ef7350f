import { createWriteStream } from 'node:fs'
import { join, resolve } from 'node:path'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Tier } from '../../shared/protocol/tiers.ts'
import { CliError } from '../errors.ts'
import { readPackFolder } from '../pack-folder.ts'
import { createProgress } from '../progress.ts'
import { ROOT, writeConfigs } from './configs.ts'
import { startLocalCluster, STOP_SIGNALS } from './local-cluster.ts'
import type { LocalCluster } from './local-cluster.ts'
import { planDev } from './plan.ts'
import { startRelay } from './relay.ts'
import { seedLocalR2 } from './seed.ts'

export interface DevOptions {
  readonly model: string
  readonly port: number
  readonly hosts: number
  readonly tier: Tier
  readonly state: string
  readonly arenaMib: number
  readonly placement: 'packed' | 'spread'
  readonly chunk: number
  readonly kernels: 'auto' | 'relaxed' | 'plain'
}

const MIB = 1024 * 1024
const READY_POLL_MS = 50

/** Plans, starts, seeds, says `ready`, and stops all of it on Ctrl-C. */
export async function runDev(options: DevOptions): Promise<void> {
  const manifest = await readPackFolder(options.model)
  const plan = planDev({
    manifest,
    tier: options.tier,
    hostCount: options.hosts,
    arenaBytes: options.arenaMib * MIB,
    shape: options.placement,
    chunk: options.chunk,
  })
  const interrupted = onceInterrupted()
  const cluster = await startScripts(options, manifest, plan.hosts)
  try {
    await serve(options, manifest, cluster, plan.table, interrupted)
  } finally {
    await cluster.stop()
  }
}

async function serve(options: DevOptions, manifest: Manifest, cluster: LocalCluster, table: string, interrupted: Promise<'interrupted'>): Promise<void> {
  const relay = await startRelay(options.port, cluster.port).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? new CliError('port-in-use', `port ${options.port} is in use: choose another with --port`) : error
  })
  try {
    await seedLocalR2(options.model, manifest, await cluster.bucket(), createProgress('seed', process.stderr))
    if ((await Promise.race([untilReady(relay.port), interrupted])) !== 'ready') return
    process.stdout.write(`${table}${readyText(options, manifest)}`)
    await interrupted
  } finally {
    relay.stopListening() // open connections end with workerd
  }
}

async function startScripts(options: DevOptions, manifest: Manifest, hosts: readonly string[]): Promise<LocalCluster> {
  const state = resolve(options.state)
  const configs = await writeConfigs(join(state, 'configs'), {
    modelPrefix: packPrefix(manifest.name, manifest.digest),
    tier: options.tier,
    hosts,
    arenaBytes: options.arenaMib * MIB,
    placement: options.placement,
    chunk: options.chunk,
    kernels: options.kernels,
  })
  // With plain kernels the relaxed module is not even loaded: a runtime that does not know relaxed SIMD refuses the whole script for it.
  const wasmAlias = new Map(options.kernels === 'plain' ? [['kernels.relaxed.wasm', join(ROOT, 'wasm/build/kernels.plain.wasm')]] : [])
  const log = createWriteStream(join(state, 'workers.log'))
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

/** Not `once`: a handler that is gone when it runs makes wrangler's signal-exit believe that nobody handles the signal. */
function onceInterrupted(): Promise<'interrupted'> {
  return new Promise((done) => {
    for (const signal of STOP_SIGNALS) process.on(signal, () => done('interrupted'))
  })
}

/** The ready line, and a request that works as it stands: a pack without a tokenizer takes ids only. */
function readyText(options: DevOptions, manifest: Manifest): string {
  const url = `http://127.0.0.1:${options.port}`
  const model = manifest.name
  const prompt = manifest.tokenizer ? { prompt: 'Once upon a time' } : { prompt: [1, 2, 3], return_token_ids: true }
  const body = JSON.stringify({ model, ...prompt, max_tokens: 60, stream: true })
  return `ready ${url} ${model} ${options.tier} on ${options.hosts} hosts\n\n  curl -N ${url}/v1/completions -H 'content-type: application/json' -d '${body}'\n\n`
}
