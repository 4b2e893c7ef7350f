import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeConfigs } from '../../cli/dev/configs.ts'
import { startLocalCluster } from '../../cli/dev/local-cluster.ts'
import type { LocalCluster, ProcessStatus } from '../../cli/dev/local-cluster.ts'
import { dealProcesses } from '../../cli/dev/processes.ts'
import { startRelay } from '../../cli/dev/relay.ts'
import { seedLocalR2 } from '../../cli/dev/seed.ts'
import { lockState } from '../../cli/dev/state-lock.ts'
import type { Progress } from '../../cli/progress.ts'
import { callPairsOf } from '../../shared/placement/call-pairs.ts'
import { hostNames } from '../../shared/placement/host-names.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { BenchPack } from '../cluster/cluster.ts'
import { stopAll } from '../cluster/stop-all.ts'
import { HOST_RATE, PROMPT_TOKENS } from './settings.ts'

export interface ElasticOptions {
  readonly pack: BenchPack
  readonly hosts: number
  readonly standby: number
  readonly processes: number
  /** Settings of the engine's script: an experiment's. */
  readonly vars: Readonly<Record<string, string>>
}

/** All workers as `isomoe dev --placement spread --host-rate` runs them, behind its relay. */
export interface ElasticCluster {
  readonly url: string
  processes(): readonly ProcessStatus[]
  /** Ends all of it, and starts it again with other base hosts; the relay stays, and new connections wait in it. Gives when the old one was down, on the wall clock. */
  restart(hosts: number): Promise<number>
  stop(): Promise<void>
}

export async function startElasticCluster(options: ElasticOptions): Promise<ElasticCluster> {
  const state = await mkdtemp(join(tmpdir(), 'isomoe-elastic-'))
  const unlock = await lockState(state)
  const relay = await startRelay(0)
  const log = createWriteStream(join(state, 'workers.log'))
  let cluster: LocalCluster | null = null
  const stops: (() => unknown)[] = [() => rm(state, { recursive: true, force: true }), unlock, () => relay.close(), () => void log.end(), () => cluster?.stop()]
  const begin = async (hosts: number, standby: number) => {
    cluster = await startScripts(state, options, hosts, standby, {
      onLog: ({ level, message }) => void log.write(`${level} ${message}\n`),
      onLost: ({ process }) => process === 0 && relay.hold(),
      onRunning: ({ process, port }) => process === 0 && relay.passTo(port),
    })
    await seedLocalR2(options.pack.folder, options.pack.manifest, await cluster.bucket(), SILENT)
    await cluster.startOthers()
    relay.passTo(cluster.port())
    await untilReady(relay.port)
  }
  try {
    await begin(options.hosts, options.standby)
  } catch (error) {
    await Promise.allSettled([stopAll(stops)]) // why it did not start matters more
    throw error
  }
  return {
    url: `http://127.0.0.1:${relay.port}`,
    processes: () => cluster!.processes(),
    async restart(hosts) {
      relay.hold()
      await cluster!.stop()
      const downAtMs = performance.timeOrigin + performance.now()
      await begin(hosts, 0)
      return downAtMs
    },
    stop: () => stopAll(stops),
  }
}

/** A line for each of a dozen starts would say nothing. */
const SILENT: Progress = { start: () => undefined, advance: () => undefined, warn: (message) => process.stderr.write(`${message}\n`), stop: () => undefined }

type Watch = Pick<Parameters<typeof startLocalCluster>[0], 'onLog' | 'onLost' | 'onRunning'>

async function startScripts(state: string, { pack, processes, vars }: ElasticOptions, hosts: number, standby: number, watch: Watch): Promise<LocalCluster> {
  const { manifest } = pack
  const names = hostNames(hosts + standby)
  const configs = await writeConfigs(join(state, 'configs'), {
    modelPrefix: packPrefix(manifest.name, manifest.digest),
    tier: 'q8',
    trunk: 'q8',
    hosts: names.slice(0, hosts),
    standby: names.slice(hosts),
    arenaBytes: LIMITS.hostArenaBytes,
    placement: 'spread',
    chunk: PROMPT_TOKENS,
    kernels: 'auto',
    prefixCache: 'off',
    lanes: 1,
    rttMs: 0,
    hostRate: HOST_RATE,
    callPairs: callPairsOf(manifest.spec, HOST_RATE),
    access: { ACCESS: 'loopback' },
  })
  await setVars(configs.engine, vars)
  return startLocalCluster({ processes: dealProcesses(configs, processes), wasmAlias: new Map(), statePath: state, ...watch })
}

async function setVars(config: string, vars: ElasticOptions['vars']): Promise<void> {
  const settings = JSON.parse(await readFile(config, 'utf8')) as { readonly vars: object }
  await writeFile(config, JSON.stringify({ ...settings, vars: { ...settings.vars, ...vars } }, null, 2))
}

const READY_POLL_MS = 10
const READY_MS_MAX = 60_000

async function untilReady(port: number): Promise<void> {
  for (const giveUpMs = performance.now() + READY_MS_MAX; performance.now() < giveUpMs;) {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    await response.body?.cancel()
    if (response.status === 200) return
    await new Promise((done) => setTimeout(done, READY_POLL_MS))
  }
  throw new Error(`the cluster was not ready within ${READY_MS_MAX} ms`)
}
