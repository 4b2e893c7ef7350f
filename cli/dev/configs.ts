import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { experimental_readRawConfig } from 'wrangler'
import type { Unstable_RawConfig } from 'wrangler'
import { hostBinding } from '../../shared/placement/host-names.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import { REPOSITORY } from '../repository.ts'
import type { DevPlan } from './plan.ts'
import type { RunConfigs } from './processes.ts'

/** What a run adds to the workers' own wrangler.toml. */
export interface RunSettings {
  readonly modelPrefix: string
  readonly tier: string
  readonly trunk: string
  readonly hosts: readonly string[]
  /** Hosts that hold nothing until the autoscaler wakes them. */
  readonly standby: readonly string[]
  readonly arenaBytes: number
  readonly placement: string
  readonly chunk: number
  readonly kernels: string
  readonly prefixCache: string
  readonly lanes: number
  /** Emulated network between engine and hosts; 0 for none. */
  readonly rttMs: number
  /** Emulated rate of a host, in weights a second; 0 for its own. */
  readonly hostRate: number
  /** What a call to a host costs, in pairs, or auto: as hosts of their own rate compute. */
  readonly callPairs: number | 'auto'
  /** Settings of the gateway that say who may call. Absent: its own, closed to all who bring no key. */
  readonly access?: Readonly<Record<string, string>>
}

/** What a run and a deployment have alike: the pack, how it is served, and its plan. */
export function plannedSettings(
  { name, digest }: Manifest,
  { tier, trunk, placement, chunk, kernels }: Pick<RunSettings, 'tier' | 'trunk' | 'placement' | 'chunk' | 'kernels'>,
  { hosts, standby, arenaBytes }: DevPlan,
) {
  return { modelPrefix: packPrefix(name, digest), tier, trunk, hosts, standby, arenaBytes, placement, chunk, kernels } satisfies Partial<RunSettings>
}

/** A script's wrangler config. */
export type ScriptConfig = Unstable_RawConfig

/** The scripts of a run or a deployment. */
export interface WorkerConfigs {
  readonly gateway: ScriptConfig
  readonly engine: ScriptConfig
  readonly autoscaler: ScriptConfig
  readonly limiter: ScriptConfig
  readonly grammar: ScriptConfig
  /** Hosts, then standbys. */
  readonly hosts: readonly ScriptConfig[]
}

/** Writes one config a script into `folder` and gives their paths. */
export async function writeConfigs(folder: string, settings: RunSettings): Promise<RunConfigs> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const { gateway, engine, autoscaler, limiter, grammar, hosts } = makeConfigs(settings)
  const write = (config: ScriptConfig) => writeConfig(folder, config)
  return {
    gateway: await write(gateway),
    engine: await write(engine),
    autoscaler: await write(autoscaler),
    limiter: await write(limiter),
    grammar: await write(grammar),
    hosts: await Promise.all(hosts.map(write)),
  }
}

/** Under the script's own name. */
export async function writeConfig(folder: string, config: ScriptConfig): Promise<string> {
  const path = join(folder, `${config.name}.json`)
  await writeFile(path, JSON.stringify(config, null, 2))
  return path
}

/**
 * One config a script. Engine and autoscaler have a binding to every host, standbys included.
 * The wrangler.toml files hold what never changes; here only what a run decides is added.
 */
export function makeConfigs(settings: RunSettings): WorkerConfigs {
  const hosts = [...settings.hosts, ...settings.standby]
  const bindings = hosts.map((host) => ({ name: hostBinding(host), class_name: 'Expert', script_name: host }))
  const model = { MODEL_PREFIX: settings.modelPrefix, TIER: settings.tier }
  const kernels = { KERNELS: settings.kernels }
  const gateway = template('wrangler.toml', { vars: { ...model, TRUNK: settings.trunk, ...settings.access } })
  const steps = {
    TRUNK: settings.trunk,
    PREFILL_CHUNK: String(settings.chunk),
    PREFIX_CACHE: settings.prefixCache,
    LANES: String(settings.lanes),
    RTT_MS: String(settings.rttMs),
    CALL_PAIRS: String(settings.callPairs),
  }
  const engine = template('workers/engine/wrangler.toml', { vars: { ...model, ...kernels, ...steps } })
  engine.durable_objects!.bindings!.push(...bindings)
  const autoscaler = template('workers/autoscaler/wrangler.toml', {
    vars: {
      ...model,
      HOSTS: JSON.stringify(settings.hosts),
      STANDBY: JSON.stringify(settings.standby),
      ARENA_BYTES: String(settings.arenaBytes),
      PLACEMENT: settings.placement,
    },
  })
  autoscaler.durable_objects!.bindings!.push(...bindings)
  const grammar = template('workers/grammar/wrangler.toml', { vars: model })
  const expertVars = { ...model, ...kernels, ARENA_BYTES: String(settings.arenaBytes), HOST_RATE: String(settings.hostRate) }
  const limiter = template('workers/limiter/wrangler.toml', {})
  return { gateway, engine, autoscaler, limiter, grammar, hosts: hosts.map((name) => template('workers/expert/wrangler.toml', { name, vars: expertVars })) }
}

function template(file: string, overrides: ScriptConfig): ScriptConfig {
  const path = join(REPOSITORY, file)
  const { rawConfig } = experimental_readRawConfig({ config: path })
  return { ...rawConfig, ...overrides, vars: { ...rawConfig.vars, ...overrides.vars }, main: resolve(dirname(path), rawConfig.main!) }
}
