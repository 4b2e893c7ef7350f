import { createWriteStream, existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeConfigs } from '../../cli/dev/configs.ts'
import type { RunSettings } from '../../cli/dev/configs.ts'
import { linkBucket } from '../../cli/dev/link-bucket.ts'
import { startLocalCluster } from '../../cli/dev/local-cluster.ts'
import { dealProcesses } from '../../cli/dev/processes.ts'
import { seedLocalR2 } from '../../cli/dev/seed.ts'
import { lockState } from '../../cli/dev/state-lock.ts'
import { createProgress } from '../../cli/progress.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { benchFolder, cacheKey } from '../cache.ts'
import type { DriverCall, DriverRun, DriverTimes } from './driver-api.ts'
import { cpuMsOf } from './process-time.ts'
import { stopAll } from './stop-all.ts'

export interface BenchPack {
  readonly folder: string
  readonly manifest: Manifest
}

export interface BenchClusterOptions {
  /** Names its state folder. */
  readonly name: string
  readonly pack: BenchPack
  readonly settings: Omit<RunSettings, 'modelPrefix'>
  /** Scripts of a bench in the place of the product's, as paths in the repository. */
  readonly scripts?: BenchScripts
}

export interface BenchScripts {
  readonly engine: string
  readonly expert: string
  /** Settings of the engine's script. */
  readonly vars?: Readonly<Record<string, string>>
}

/** Engine and hosts in a workerd of their own, with a driver in the gateway's place. Costs nothing while nobody asks. */
export interface BenchCluster {
  readonly name: string
  generate(run: DriverRun): Promise<DriverTimes>
  /** Calls a method of the engine's object. */
  engine<T>(method: string, ...args: unknown[]): Promise<T>
  /** CPU time that its threads have had so far, in ms; null where the system does not say. */
  cpuMs(): number | null
  stop(): Promise<void>
}

/**
 * Starts a cluster through the modules of `isomoe dev`, but with the settings as they are: the bounds of the command line are not asked,
 * so one host may have an arena that no isolate of the platform would get. Figures of such a cluster are labelled.
 */
export async function startBenchCluster(options: BenchClusterOptions): Promise<BenchCluster> {
  const seeded = stateFolder('seed', options.pack)
  if (!existsSync(join(seeded, 'complete'))) {
    await (await startIn(seeded, { name: 'seed', pack: options.pack, settings: options.settings })).stop() // its settings do not matter: nobody asks it
    await writeFile(join(seeded, 'complete'), '')
  }
  const state = stateFolder(options.name, options.pack)
  if (!existsSync(join(state, 'state/r2'))) await linkBucket(join(seeded, 'state'), join(state, 'state')) // seeding 900 MB takes half a minute
  return startIn(state, options)
}

function stateFolder(name: string, { manifest }: BenchPack): string {
  return join(benchFolder(), 'state', cacheKey(manifest.digest), name)
}

async function startIn(state: string, { name, pack, settings, scripts }: BenchClusterOptions): Promise<BenchCluster> {
  const unlock = await lockState(state)
  const { manifest } = pack
  const stops: (() => unknown)[] = [unlock]
  try {
    const configs = await writeConfigs(join(state, 'configs'), { ...settings, modelPrefix: packPrefix(manifest.name, manifest.digest) })
    await setMain(configs.gateway, 'bench/workers/driver.ts')
    if (scripts) await Promise.all([setMain(configs.engine, scripts.engine, scripts.vars), ...configs.hosts.map((host) => setMain(host, scripts.expert))])
    const log = createWriteStream(join(state, 'workers.log'))
    stops.push(() => void log.end())
    const onLog = ({ level, message }: { level: string; message: string }) => void log.write(`${level} ${message}\n`)
    const cluster = await startLocalCluster({ processes: dealProcesses(configs, 1), wasmAlias: new Map(), statePath: state, onLog })
    stops.push(() => cluster.stop())
    await seedLocalR2(pack.folder, manifest, await cluster.bucket(), createProgress('seed', process.stderr))
    const post = async (path: string, body: unknown): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${cluster.port()}${path}`, { method: 'POST', body: JSON.stringify(body) })
      if (!response.ok) throw new Error(`${name}: ${response.status} ${(await response.text()).slice(0, 500)}`)
      return response.json()
    }
    return {
      name,
      generate: (run) => post('/generate', run) as Promise<DriverTimes>,
      engine: <T>(method: string, ...args: unknown[]) => post('/engine', { method, args } satisfies DriverCall) as Promise<T>,
      cpuMs: () => cpuMsOf(cluster.processes().map(({ pid }) => pid)),
      stop: () => stopAll(stops),
    }
  } catch (error) {
    await Promise.allSettled([stopAll(stops)]) // why it did not start matters more
    throw error
  }
}

/** Lets a config of `writeConfigs` run another script. */
async function setMain(config: string, script: string, vars: Readonly<Record<string, string>> = {}): Promise<void> {
  const settings = JSON.parse(await readFile(config, 'utf8')) as { readonly vars?: object }
  await writeFile(config, JSON.stringify({ ...settings, main: join(REPOSITORY, script), vars: { ...settings.vars, ...vars } }, null, 2))
}
