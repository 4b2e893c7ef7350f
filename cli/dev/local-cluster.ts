import { basename } from 'node:path'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import type { WorkerdStructuredLog } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { bundleWorker } from './bundle.ts'
import type { ScriptModule } from './bundle.ts'
import type { SeedBucket } from './seed.ts'

/** What ends a run. */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** All scripts of a run in one workerd. */
export interface LocalCluster {
  /** Where the gateway listens; the first config is the gateway's. */
  readonly port: number
  bucket(): Promise<SeedBucket>
  stop(): Promise<void>
}

export interface LocalClusterOptions {
  /** Wrangler configs, the gateway's first. */
  readonly configs: readonly string[]
  readonly wasmAlias: ReadonlyMap<string, string>
  /** Local R2 and SQLite. */
  readonly persistPath: string
  onLog(log: WorkerdStructuredLog): void
}

/**
 * Runs wrangler configs in workerd through Miniflare. Not through `wrangler dev`: its proxy hides that a client has left, takes five
 * seconds to start and adds a hop (docs/design/local-cluster.md). The configs are the same that a deployment uses.
 */
export async function startLocalCluster(options: LocalClusterOptions): Promise<LocalCluster> {
  const bundles = new Map<string, Promise<ScriptModule[]>>() // hosts share one
  const workers = await Promise.all(
    options.configs.map(async (config) => {
      const { workerOptions, main } = unstable_getMiniflareWorkerOptions(config)
      if (main === undefined) throw new Error(`${config} has no main`)
      if (!bundles.has(main)) bundles.set(main, bundleWorker(main, options.wasmAlias))
      return { ...workerOptions, name: scriptName(config), modules: await bundles.get(main)! }
    }),
  )
  const miniflare = withoutSignalHandlers(
    () =>
      new Miniflare(
        convertV4MiniflareOptions({
          host: '127.0.0.1',
          port: 0,
          cf: false,
          log: new Log(LogLevel.ERROR),
          resourcePersistencePath: options.persistPath,
          handleStructuredLogs: options.onLog,
          workers: workers as [(typeof workers)[number], ...typeof workers],
        }),
      ),
  )
  const url = await miniflare.ready.catch(async (error: unknown) => {
    await miniflare.dispose()
    throw error
  })
  return {
    port: Number(url.port),
    bucket: async () => (await miniflare.getBindings<{ BUCKET: SeedBucket }>(scriptName(options.configs[0]!))).BUCKET,
    stop: () => miniflare.dispose(),
  }
}

/** Miniflare's own handlers end the process at a signal, before anyone could stop in order; its handler of `exit` stays as the net. */
function withoutSignalHandlers<T>(create: () => T): T {
  const before = new Map(STOP_SIGNALS.map((signal) => [signal, process.listeners(signal)]))
  const created = create()
  for (const signal of STOP_SIGNALS) {
    for (const listener of process.listeners(signal)) if (!before.get(signal)!.includes(listener)) process.removeListener(signal, listener)
  }
  return created
}

function scriptName(config: string): string {
  return basename(config, '.json')
}
