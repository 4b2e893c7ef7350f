import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { bundleWorker } from '../cli/dev/bundle.ts'
import { REPOSITORY } from '../cli/repository.ts'

/** Runs a Worker of a bench in workerd, an isolate for each name. `main`: its script, as a path in the repository. Who starts it disposes of it. */
export async function startBenchWorkers(main: string, names: readonly [string, ...string[]]): Promise<Miniflare> {
  const modules = await bundleWorker(join(REPOSITORY, main), new Map())
  const worker = (name: string) => ({ name, modules, compatibilityDate: '2026-10-01' })
  const [first, ...others] = names
  return new Miniflare(convertV4MiniflareOptions({ host: '127.0.0.1', port: 0, cf: false, workers: [worker(first), ...others.map(worker)] }))
}
