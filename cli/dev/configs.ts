import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { experimental_readRawConfig } from 'wrangler'
import { hostBinding } from '../../shared/placement/host-names.ts'
import { REPOSITORY } from '../repository.ts'

/** What a run adds to the workers' own wrangler.toml. */
export interface RunSettings {
  readonly modelPrefix: string
  readonly tier: string
  readonly trunk: string
  readonly hosts: readonly string[]
  readonly arenaBytes: number
  readonly placement: string
  readonly chunk: number
  readonly kernels: string
  readonly prefixCache: string
  readonly lanes: number
  /** Emulated network between engine and hosts; 0 for none. */
  readonly rttMs: number
}

type RawConfig = ReturnType<typeof experimental_readRawConfig>['rawConfig']

/**
 * Writes one config a script into `folder` and gives their paths, the gateway's first (it gets the port).
 * The wrangler.toml files hold what never changes; here only what a run decides is added.
 */
export async function writeConfigs(folder: string, settings: RunSettings): Promise<string[]> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const model = { MODEL_PREFIX: settings.modelPrefix, TIER: settings.tier }
  const kernels = { KERNELS: settings.kernels }
  const gateway = template('wrangler.toml', { vars: model })
  const steps = {
    TRUNK: settings.trunk,
    PREFILL_CHUNK: String(settings.chunk),
    PREFIX_CACHE: settings.prefixCache,
    LANES: String(settings.lanes),
    RTT_MS: String(settings.rttMs),
  }
  const engine = template('workers/engine/wrangler.toml', { vars: { ...model, ...kernels, ...steps } })
  engine.durable_objects!.bindings.push(...settings.hosts.map((host) => ({ name: hostBinding(host), class_name: 'Expert', script_name: host })))
  const autoscaler = template('workers/autoscaler/wrangler.toml', {
    vars: { ...model, HOSTS: JSON.stringify(settings.hosts), ARENA_BYTES: String(settings.arenaBytes), PLACEMENT: settings.placement },
  })
  const experts = settings.hosts.map((name) =>
    template('workers/expert/wrangler.toml', { name, vars: { ...model, ...kernels, ARENA_BYTES: String(settings.arenaBytes) } }),
  )
  return Promise.all(
    [gateway, engine, autoscaler, ...experts].map(async (config) => {
      const path = join(folder, `${config.name}.json`)
      await writeFile(path, JSON.stringify(config, null, 2))
      return path
    }),
  )
}

function template(file: string, overrides: RawConfig): RawConfig {
  const path = join(REPOSITORY, file)
  const { rawConfig } = experimental_readRawConfig({ config: path })
  return { ...rawConfig, ...overrides, vars: { ...rawConfig.vars, ...overrides.vars }, main: resolve(dirname(path), rawConfig.main!) }
}
