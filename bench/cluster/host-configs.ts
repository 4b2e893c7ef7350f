import { writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { experimental_readRawConfig } from 'wrangler'
import { REPOSITORY } from '../../cli/repository.ts'
import { hostBinding } from '../../shared/placement/host-names.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'

/** A Worker of a bench that talks to expert hosts itself. */
export interface HostBench {
  readonly name: string
  /** Its script, absolute. */
  readonly main: string
  readonly hosts: readonly string[]
  /** Folder of the pack in R2. */
  readonly prefix: string
}

/** Writes configs into `folder`, the bench's own Worker first (it gets the port), then the hosts as `isomoe dev` configures them, at q8. */
export async function writeHostConfigs(folder: string, { name, main, hosts, prefix }: HostBench): Promise<string[]> {
  const file = join(REPOSITORY, 'workers/expert/wrangler.toml')
  const { rawConfig } = experimental_readRawConfig({ config: file })
  const vars = { MODEL_PREFIX: prefix, TIER: 'q8', KERNELS: 'auto', ARENA_BYTES: String(LIMITS.hostArenaBytes), HOST_RATE: '0' }
  const bench = {
    name,
    main,
    compatibility_date: rawConfig.compatibility_date,
    vars,
    r2_buckets: rawConfig.r2_buckets,
    durable_objects: { bindings: hosts.map((host) => ({ name: hostBinding(host), class_name: 'Expert', script_name: host })) },
  }
  const configs = [bench, ...hosts.map((host) => ({ ...rawConfig, name: host, main: resolve(dirname(file), rawConfig.main!), vars }))]
  return Promise.all(
    configs.map(async (config) => {
      const path = join(folder, `${config.name}.json`)
      await writeFile(path, JSON.stringify(config))
      return path
    }),
  )
}
