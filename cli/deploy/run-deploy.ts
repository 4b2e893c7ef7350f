import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { NETWORK_LANES } from '../../shared/core/scratch.ts'
import type { PlacementShape } from '../../shared/placement/base-placement.ts'
import { hostScratchBytes, WASM_BYTES_MAX } from '../../shared/placement/budget.ts'
import { expertBytesByLayer } from '../../shared/placement/expert-bytes.ts'
import { hostsNeeded } from '../../shared/placement/hosts-needed.ts'
import { LIMITS, MIB } from '../../shared/protocol/limits.ts'
import { packPrefix } from '../../shared/protocol/manifest.ts'
import type { Manifest } from '../../shared/protocol/manifest.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import type { KernelChoice } from '../../wasm/src/kernels.ts'
import { makeConfigs, plannedSettings, writeConfig } from '../dev/configs.ts'
import { planDev } from '../dev/plan.ts'
import type { DevPlan } from '../dev/plan.ts'
import { CliError } from '../errors.ts'
import { pushThrough } from '../keys/push-secrets.ts'
import { readPackFolder } from '../pack-folder.ts'
import type { Progress } from '../progress.ts'
import { formatBytes } from '../table.ts'
import type { RunWrangler } from '../wrangler.ts'
import { bundleSizes, describeSizes } from './bundle-sizes.ts'
import { deployPlan } from './deploy-plan.ts'
import type { DeployedScript, DeployStep } from './deploy-plan.ts'
import { emptyRecord, openRecord, parseRecord } from './deployment-record.ts'
import type { DeploymentRecord } from './deployment-record.ts'
import { deploymentScripts } from './deployment-scripts.ts'
import type { DeploymentScripts } from './deployment-scripts.ts'
import { requireDeployedSecrets, secretsOfFile } from './key-secrets.ts'
import type { Secrets } from './key-secrets.ts'
import type { ObjectStore } from './object-store.ts'
import { describeStep, takeSteps } from './take-steps.ts'
import { uploadPack } from './upload-pack.ts'

export interface DeployOptions {
  readonly model: string
  readonly name: string
  readonly bucket: string
  readonly tier: Tier
  readonly trunk: TrunkPrecision
  /** Absent: the fewest that hold the experts. */
  readonly hosts?: number
  readonly standby: number
  readonly arenaMib: number
  readonly placement: PlacementShape
  readonly chunk: number
  readonly lanes?: number
  readonly kernels: KernelChoice
  readonly cors?: string
  readonly domain?: string
  readonly keysFile?: string
  readonly dryRun?: true
  /** Delete what is out of use, however short. */
  readonly prune?: true
  readonly state: string
}

export interface DeployDeps {
  readonly wrangler: RunWrangler
  /** Not called in a dry run. */
  store(bucket: string): ObjectStore
  fingerprint(main: string): Promise<string>
  readonly progress: Progress
  nowMs(): number
  say(line: string): void
}

/** Streams that began before the gateway moved on end at scripts that are out of use. */
const KEEP_MS = 3_600_000

/** Plans, checks, uploads, deploys. All that can be refused is refused before anything is touched. SPEC DP7 to DP9. */
export async function runDeploy(options: DeployOptions, deps: DeployDeps): Promise<void> {
  const { say, wrangler } = deps
  const folder = deploymentFolder(options)
  const store = options.dryRun ? null : deps.store(options.bucket) // refuses what it lacks before bundles are made
  const secrets = options.keysFile === undefined ? null : await secretsOfFile(options.keysFile)
  const manifest = await readPackFolder(options.model)
  const plan = planHosts(options, manifest)
  const wanted = await wantedScripts(options, manifest, plan, deps)
  await writeScripts(folder, wanted)
  const sizes = await bundleSizes(wrangler, folder, wanted.scripts)
  say(`${plan.table}\n${describeSizes(sizes, plan.hosts.length + plan.standby.length)}`)
  say(`generation ${wanted.generation}, configs in ${join(folder, 'configs')}`)
  const copy = join(folder, 'deployment.json')
  if (store === null) {
    const record = await readCopy(copy, options)
    describe(deployPlan(record.scripts, wanted.scripts, mayGo(options, deps.nowMs())), manifest, secrets, say)
    say(`dry run: nothing was sent. The plan is from ${record.scripts.length === 0 ? 'an account without this deployment' : copy}`)
    return
  }
  const open = await openRecord(store, options.name, options.bucket, copy)
  const steps = deployPlan(open.record.scripts, wanted.scripts, mayGo(options, deps.nowMs()))
  const gateway = wanted.scripts.find(({ part }) => part === 'gateway')!.script
  if (secrets === null) await requireDeployedSecrets(wrangler, gateway)
  describe(steps, manifest, secrets, say)
  const prefix = packPrefix(manifest.name, manifest.digest)
  const packs = [...new Set([...open.record.packs, prefix])]
  await open.save({ ...open.record, packs }) // before the first byte: `destroy --with-pack` must find it
  const { bytesSent, objectsThere } = await uploadPack({ store, progress: deps.progress }, options.model, manifest)
  say(`pack: ${formatBytes(bytesSent)} sent, ${objectsThere} objects were there`)
  const nowIso = () => new Date(deps.nowMs()).toISOString()
  const record = await takeSteps(open, { ...open.record, packs }, steps, { wrangler, configs: join(folder, 'configs'), nowIso, say })
  if (secrets !== null) await pushThrough(wrangler)(gateway, secrets)
  say(
    `${options.name} serves ${manifest.name} (${manifest.digest.slice(0, 12)}) at ${options.domain === undefined ? (record.url ?? gateway) : `https://${options.domain}`}`,
  )
}

export function deploymentFolder({ state, name }: { readonly state: string; readonly name: string }): string {
  return join(resolve(state), 'deploy', name)
}

function planHosts(options: DeployOptions, manifest: Manifest): DevPlan {
  const { tier, trunk, standby, placement: shape, chunk } = options
  const arenaBytes = Math.min(options.arenaMib * MIB, WASM_BYTES_MAX - hostScratchBytes(manifest.spec))
  const hostCount = options.hosts ?? hostsNeeded(expertBytesByLayer(manifest.spec, tier), arenaBytes)
  if (hostCount === null) throw new CliError('over-budget', `an expert is larger than a host's ${formatBytes(arenaBytes)}: use a smaller tier`)
  if (hostCount + standby > LIMITS.hostsMax) throw new CliError('over-budget', `${hostCount} hosts and ${standby} standby are more than ${LIMITS.hostsMax}`)
  const plan = planDev({ manifest, tier, trunk, hostCount, standbyCount: standby, arenaBytes, shape, chunk, lanes: options.lanes ?? NETWORK_LANES })
  if (plan.over.length > 0)
    throw new CliError('over-budget', `${plan.over.join(', ')} would not fit: use more hosts or a smaller tier (isomoe plan says which)`)
  return plan
}

async function wantedScripts(options: DeployOptions, manifest: Manifest, plan: DevPlan, deps: DeployDeps): Promise<DeploymentScripts> {
  const configs = makeConfigs({
    ...plannedSettings(manifest, options, plan),
    prefixCache: 'on',
    lanes: options.lanes ?? NETWORK_LANES,
    rttMs: 0,
    hostRate: 0,
    callPairs: 'auto',
    access: { ACCESS: 'keys', ...(options.cors !== undefined && { CORS_ORIGINS: options.cors }) },
  })
  const { engine, autoscaler, grammar, limiter, gateway, hosts } = configs
  const of = (config: { main?: string | undefined }) => deps.fingerprint(config.main!)
  const code = {
    host: await of(hosts[0]!),
    engine: await of(engine),
    autoscaler: await of(autoscaler),
    grammar: await of(grammar),
    limiter: await of(limiter),
    gateway: await of(gateway),
  }
  return deploymentScripts(configs, { name: options.name, bucket: options.bucket, domain: options.domain ?? null }, code)
}

async function writeScripts(folder: string, { scripts }: DeploymentScripts): Promise<void> {
  for (const part of ['configs', 'bundles']) await rm(join(folder, part), { recursive: true, force: true })
  await mkdir(join(folder, 'configs'), { recursive: true })
  for (const { config } of scripts) await writeConfig(join(folder, 'configs'), config)
}

/** What this machine knows of the deployment: a dry run does not ask the bucket. */
async function readCopy(path: string, { name, bucket }: DeployOptions): Promise<DeploymentRecord> {
  try {
    return parseRecord(await readFile(path), path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return emptyRecord(name, bucket)
    throw error
  }
}

function mayGo({ prune }: DeployOptions, nowMs: number): (script: DeployedScript) => boolean {
  return ({ retiredAt }) => retiredAt !== null && (prune === true || Date.parse(retiredAt) + KEEP_MS <= nowMs)
}

function describe(steps: readonly DeployStep[], manifest: Manifest, secrets: Secrets, say: DeployDeps['say']): void {
  say(`upload ${packPrefix(manifest.name, manifest.digest)}: what is not there yet`)
  for (const step of steps) say(describeStep(step))
  say(secrets === null ? 'secrets: those that the gateway has (asked of it before anything is done)' : 'set the secrets API_KEYS and ADMIN_KEY')
}
