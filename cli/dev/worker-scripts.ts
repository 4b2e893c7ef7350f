import { basename } from 'node:path'
import type { convertV4MiniflareOptions } from 'miniflare'
import { unstable_getMiniflareWorkerOptions } from 'wrangler'
import { bundleWorker } from './bundle.ts'
import type { ScriptModule } from './bundle.ts'

/** A script as Miniflare takes it. */
export type WorkerScript = Extract<Parameters<typeof convertV4MiniflareOptions>[0], { readonly workers: unknown }>['workers'][number]

/** Reads wrangler configs and bundles their scripts; hosts share one bundle. [processes][configs] → the same shape. */
export async function readWorkerScripts(processes: readonly (readonly string[])[], wasmAlias: ReadonlyMap<string, string>): Promise<WorkerScript[][]> {
  const bundles = new Map<string, Promise<ScriptModule[]>>()
  return Promise.all(processes.map((configs) => Promise.all(configs.map(readScript))))

  async function readScript(config: string): Promise<WorkerScript> {
    const { workerOptions, main } = unstable_getMiniflareWorkerOptions(config)
    if (main === undefined) throw new Error(`${config} has no main`)
    if (!bundles.has(main)) bundles.set(main, bundleWorker(main, wasmAlias))
    return { ...workerOptions, name: scriptName(config), modules: await bundles.get(main)! } as WorkerScript
  }
}

export function scriptName(config: string): string {
  return basename(config, '.json')
}
