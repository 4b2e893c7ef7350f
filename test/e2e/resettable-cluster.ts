import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeConfigs } from '../../cli/dev/configs.ts'
import { startLocalCluster } from '../../cli/dev/local-cluster.ts'
import { dealProcesses } from '../../cli/dev/processes.ts'
import { seedLocalR2 } from '../../cli/dev/seed.ts'
import { readPackFolder } from '../../cli/pack-folder.ts'
import { createProgress } from '../../cli/progress.ts'
import { REPOSITORY } from '../../cli/repository.ts'
import { CHUNK_DEFAULT } from '../../shared/core/scratch.ts'
import { hostNames } from '../../shared/placement/host-names.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'

export interface ResettableCluster {
  readonly url: string
  resetEngine(): Promise<void>
  /** Its journal is lost, too. */
  resetEngineWithoutRecord(): Promise<void>
  /** Kills the engine's process, where it has one of its own; it is started again. */
  killEngine(): void
  /** Keys that the engine keeps in its storage. */
  storedKeys(): Promise<number>
  stop(): Promise<void>
}

/** All workers as `isomoe dev` runs them, the engine with a reset that a test can ask for. */
export async function startResettableCluster(pack: string, hosts: number, processes: number): Promise<ResettableCluster> {
  const state = await mkdtemp(join(tmpdir(), 'isomoe-reset-'))
  const manifest = await readPackFolder(pack)
  const configs = await writeConfigs(join(state, 'configs'), {
    modelPrefix: packPrefix(manifest.name, manifest.digest),
    tier: 'q8',
    trunk: 'q8',
    hosts: hostNames(hosts),
    standby: [],
    arenaBytes: LIMITS.hostArenaBytes,
    placement: 'packed',
    chunk: CHUNK_DEFAULT,
    kernels: 'auto',
    prefixCache: 'on',
    lanes: 2,
    rttMs: 0,
    hostRate: 0,
    callPairs: 'auto',
    access: { ACCESS: 'loopback' },
  })
  await setMain(configs.gateway, 'resetting-gateway.ts')
  await setMain(configs.engine, 'resettable-engine.ts')
  const cluster = await startLocalCluster({ processes: dealProcesses(configs, processes), wasmAlias: new Map(), statePath: state, onLog: () => undefined })
  await seedLocalR2(pack, manifest, await cluster.bucket(), createProgress('seed', process.stderr))
  await cluster.startOthers()
  const url = `http://127.0.0.1:${cluster.port()}`
  const answer = async (path: string): Promise<Response> => {
    const response = await fetch(url + path, { method: 'POST' })
    if (!response.ok) throw new Error(`${path}: ${response.status}`)
    return response
  }
  return {
    url,
    resetEngine: async () => void (await answer('/test/reset')).body?.cancel(),
    resetEngineWithoutRecord: async () => void (await answer('/test/forget')).body?.cancel(),
    killEngine() {
      const own = cluster.processes().find(({ scripts }) => scripts.length === 1 && scripts[0] === 'isomoe-engine')
      if (own === undefined) throw new Error('the engine shares its process')
      process.kill(own.pid, 'SIGKILL')
    },
    storedKeys: async () => Number(await (await answer('/test/stored')).json()),
    async stop() {
      await cluster.stop()
      await rm(state, { recursive: true, force: true })
    },
  }
}

async function setMain(config: string, script: string): Promise<void> {
  const settings = JSON.parse(await readFile(config, 'utf8')) as object
  await writeFile(config, JSON.stringify({ ...settings, main: join(REPOSITORY, 'test/e2e/workers', script) }, null, 2))
}
