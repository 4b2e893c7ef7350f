import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkerdStructuredLog } from 'miniflare'
import { linkBucket } from './link-bucket.ts'
import type { SeedBucket } from './seed.ts'
import { readWorkerScripts, scriptName } from './worker-scripts.ts'
import { startWorkerdProcess } from './workerd-process.ts'
import type { WorkerdProcess } from './workerd-process.ts'

/** One workerd of a run, as its user sees it. */
export interface ProcessStatus {
  readonly process: number
  readonly pid: number
  /** Where its first script listens. */
  readonly port: number
  readonly scripts: readonly string[]
}

/** The scripts of a run in one workerd, or in several that call each other. */
export interface LocalCluster {
  /** Where the gateway listens. Another one once its process was lost. */
  port(): number
  bucket(): Promise<SeedBucket>
  /** Starts the other processes, each with what is in the bucket now. The first can call them a moment after: Miniflare watches the registry. */
  startOthers(): Promise<void>
  processes(): readonly ProcessStatus[]
  stop(): Promise<void>
}

export interface LocalClusterOptions {
  /** [processes][scripts], wrangler configs, the gateway's first. */
  readonly processes: readonly (readonly string[])[]
  readonly wasmAlias: ReadonlyMap<string, string>
  /** Where local R2 and SQLite of each process live, and the registry by which they find each other. */
  readonly statePath: string
  onLog(log: Pick<WorkerdStructuredLog, 'level' | 'message'>): void
  /** Its workerd ended by itself; it is started again after `delayMs`. */
  onLost?(process: ProcessStatus, delayMs: number): void
  /** A lost process runs again. */
  onRunning?(process: ProcessStatus, all: readonly ProcessStatus[]): void
}

/**
 * Runs wrangler configs in workerd through Miniflare, the first process at once. Not through `wrangler dev`: its proxy hides that a client
 * has left, takes five seconds to start and adds a hop (docs/design/local-cluster.md). The configs are the same that a deployment uses.
 */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const { statePath } = options
  const scripts = await readWorkerScripts(options.processes, options.wasmAlias)
  const registryPath = scripts.length > 1 ? join(statePath, 'registry') : null
  // Entries of a run that was killed name ports that belong to others by now; and one registry for all runs of a machine would mix them up.
  await rm(join(statePath, 'registry'), { recursive: true, force: true })
  delete process.env['CLOUDFLARE_DEV_REGISTRY_PATH'] // Miniflare prefers it to the option
  const started: WorkerdProcess[] = [await start(0)]
  let others: Promise<void> = Promise.resolve()
  return {
    port: () => started[0]!.current().port,
    bucket: async () => (await started[0]!.current().miniflare.getBindings<{ BUCKET: SeedBucket }>(scriptName(options.processes[0]![0]!))).BUCKET,
    startOthers: () => (others = startOthers()),
    processes: () => started.map(statusOf),
    async stop() {
      await Promise.allSettled([others])
      await Promise.all(started.map((process) => process.stop()))
    },
  }

  /** The engine's process after those of the hosts, so that it finds them in the registry. */
  async function startOthers(): Promise<void> {
    const [second, ...later] = scripts.map((_, process) => process).slice(1)
    await Promise.all(later.map(startOther))
    if (second !== undefined) await startOther(second)
  }

  async function startOther(process: number): Promise<void> {
    await linkBucket(persistPath(0), persistPath(process))
    started[process] = await start(process)
  }

  async function start(process: number): Promise<WorkerdProcess> {
    return startWorkerdProcess({
      scripts: scripts[process]!,
      persistPath: persistPath(process),
      registryPath,
      onLog: options.onLog,
      onLost: (delayMs) => options.onLost?.(statusOf(started[process]!, process), delayMs),
      onRunning: () => options.onRunning?.(statusOf(started[process]!, process), started.map(statusOf)),
    })
  }

  function persistPath(process: number): string {
    return join(statePath, process === 0 ? 'state' : `state-${process}`)
  }

  function statusOf({ current }: WorkerdProcess, process: number): ProcessStatus {
    const { pid, port } = current()
    return { process, pid, port, scripts: options.processes[process]!.map(scriptName) }
  }
}
