import { createHash } from 'node:crypto'
import type { ScriptConfig, WorkerConfigs } from '../dev/configs.ts'
import type { Part, WantedScript } from './deploy-plan.ts'

/** What a deployment decides beside what a run does. */
export interface DeploymentSettings {
  /** In front of all its scripts' names. */
  readonly name: string
  readonly bucket: string
  /** Custom domain of the gateway; null: its workers.dev address. */
  readonly domain: string | null
}

/** A script of a deployment with the config that makes it. */
export interface DeploymentScript extends WantedScript {
  readonly config: ScriptConfig
}

export interface DeploymentScripts {
  readonly generation: string
  readonly scripts: readonly DeploymentScript[]
}

/** As bundled: a hash of each part's code. */
export type Fingerprints = Readonly<Record<Part, string>>

/** Calls on an open session may count as subrequests: nobody documents it (docs/design/probe.md). */
const SUBREQUESTS = 1_000_000
const ONE_FOR_ALL = new Set(['isomoe-gateway', 'isomoe-limiter'])

/**
 * The scripts of a deployment, from the configs that a local run has. Gateway and limiter keep their names for ever; the rest has the generation in its name, which
 * follows from all that must agree between them: code, pack, settings. Which hosts there are is not of it. SPEC DP1, DP3.
 */
export function deploymentScripts(configs: WorkerConfigs, settings: DeploymentSettings, code: Fingerprints): DeploymentScripts {
  const { gateway, limiter, grammar, autoscaler, engine, hosts } = configs
  const closed = (config: ScriptConfig) => forAccount(config, settings.bucket)
  const shared = [closed(engine), closed(autoscaler), closed(grammar), closed({ ...hosts[0]!, name: 'expert' })].map(withoutHosts)
  const generation = hash([shared, code.engine, code.autoscaler, code.grammar, code.host]).slice(0, 8)
  const rename = (script: string) =>
    ONE_FOR_ALL.has(script) ? script.replace('isomoe', settings.name) : `${settings.name}-${generation}-${script.replace(/^isomoe-/, '')}`
  const make = (part: Part, config: ScriptConfig): DeploymentScript => {
    const renamed = renameScripts(config, rename)
    const { main: _main, ...rest } = renamed // a path of this machine
    const own = part === 'gateway' || part === 'limiter' ? null : generation
    return { script: renamed.name!, part, generation: own, digest: hash([rest, code[part]]), binds: bindsOf(renamed), config: renamed }
  }
  const scripts = [
    ...hosts.map((config) => make('host', closed(config))),
    make('limiter', closed(limiter)),
    make('grammar', closed(grammar)),
    make('autoscaler', closed(autoscaler)),
    make('engine', closed(engine)),
    make('gateway', opened(closed(gateway), settings.domain)),
  ]
  return { generation, scripts }
}

/** Nothing but the gateway has an address. */
function forAccount(config: ScriptConfig, bucket: string): ScriptConfig {
  return {
    ...config,
    workers_dev: false,
    preview_urls: false,
    observability: { enabled: true },
    ...(config.limits && { limits: { ...config.limits, subrequests: SUBREQUESTS } }),
    ...(config.r2_buckets && { r2_buckets: config.r2_buckets.map((bound) => ({ ...bound, bucket_name: bucket })) }),
  }
}

function opened(gateway: ScriptConfig, domain: string | null): ScriptConfig {
  return domain === null ? { ...gateway, workers_dev: true } : { ...gateway, routes: [{ pattern: domain, custom_domain: true }] }
}

/** A config without what a change of hosts changes. */
function withoutHosts(config: ScriptConfig): unknown {
  const { main: _main, durable_objects: objects, vars, ...rest } = config
  const { HOSTS: _hosts, STANDBY: _standby, ...settings } = vars ?? {}
  return [rest, settings, objects?.bindings?.filter(({ name }) => !name.startsWith('EXPERT_'))]
}

function renameScripts(config: ScriptConfig, rename: (script: string) => string): ScriptConfig {
  const bindings = config.durable_objects?.bindings?.map(({ script_name, ...rest }) => ({ ...rest, ...(script_name && { script_name: rename(script_name) }) }))
  return { ...config, name: rename(config.name!), ...(bindings && { durable_objects: { bindings } }) }
}

function bindsOf(config: ScriptConfig): string[] {
  return (config.durable_objects?.bindings ?? []).flatMap(({ script_name }) => (script_name === undefined ? [] : [script_name]))
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}
