import { MONOTONIC } from '../../cli/load/clock.ts'
import { runLoad } from '../../cli/load/run-load.ts'
import type { LoadRun } from '../../cli/load/run-load.ts'
import type { ScaleEvent, ScaleRequest } from '../../shared/protocol/autoscaler-api.ts'
import type { Placement } from '../../shared/placement/placement.ts'
import type { Policy } from '../../shared/placement/policy.ts'
import { adminOf } from './admin.ts'
import type { Admin, ClusterState } from './admin.ts'
import { startElasticCluster } from './elastic-cluster.ts'
import type { ElasticCluster, ElasticOptions } from './elastic-cluster.ts'
import { createMixedSender } from './mixed-sender.ts'
import { POLICY, trialLoad } from './settings.ts'
import type { TrialTimes } from './settings.ts'

/** Copies of experts by name: a placement that is asked for. */
export type NamedExperts = ScaleRequest['experts']

/** What a strategy does at the time of the command, and what came of it. */
export type Action = (inputs: ActionInputs) => Promise<Acted>

export interface ActionInputs {
  readonly cluster: ElasticCluster
  readonly admin: Admin
}

export interface Acted {
  /** Times here are of the wall clock. */
  readonly commandAtMs: number
  /** Null where no scale event was made. */
  readonly event: ScaleEvent | null
  /** When the new placement was in force. */
  readonly inForce: { readonly kind: 'at'; readonly ms: number } | { readonly kind: 'first-answer'; readonly sinceMs: number }
}

export interface TrialOptions extends ElasticOptions {
  readonly name: string
  readonly times: TrialTimes
  /** What stories need: the placement that every trial begins with. */
  readonly provision: NamedExperts
  readonly policy: Partial<Policy>
  /** Whether standbys have run before: their isolates are there, without experts. Absent: they have. */
  readonly warmStandby?: boolean
  /** Null: nothing is done. */
  readonly action: Action | null
  /** How long the cluster is left alone after the last answer, before the last look at it. */
  readonly coolMs?: number
}

/** One run of the load on one cluster. Times are of the run's measured time. */
export interface Trial {
  readonly name: string
  readonly times: TrialTimes
  readonly run: LoadRun
  readonly commandMs: number
  /** Null where nothing was done. */
  readonly effectiveMs: number | null
  readonly event: ScaleEvent | null
  /** With all base experts in place, before the load; just before the command; and when all answers had come. */
  readonly begun: ClusterState
  readonly before: ClusterState
  readonly after: ClusterState
}

export async function runTrial(options: TrialOptions): Promise<Trial> {
  const { times, pack, action } = options
  const cluster = await startElasticCluster(options)
  const sender = createMixedSender(cluster.url, pack.manifest.name)
  try {
    const admin = adminOf(cluster.url)
    await provision(admin, options)
    await fillHosts(cluster.url, pack.manifest.name)
    const begun = await admin.state()
    await admin.setPolicy({ enabled: options.policy.enabled ?? false })
    const originMs = MONOTONIC.nowMs() + LEAD_MS + times.warmupMs
    const wallMs = performance.timeOrigin + originMs
    const signal = new AbortController().signal
    const commanded = command(options, { cluster, admin }, originMs, action)
    const parts = { clock: MONOTONIC, send: sender.send, cluster: { server: cluster.url, apiKey: null }, signal }
    const [run, { before, acted }] = await Promise.all([runLoad(trialLoad(times), parts), commanded])
    if (options.coolMs !== undefined) {
      await MONOTONIC.sleepUntil(MONOTONIC.nowMs() + options.coolMs, signal)
      await admin.setPolicy({ enabled: false }) // what follows is no heat
      await fillHosts(cluster.url, pack.manifest.name) // hosts say what they hold in sessions, and a new table has none until it is used
    }
    return {
      name: options.name,
      times,
      run,
      commandMs: acted === null ? times.commandMs : acted.commandAtMs - wallMs,
      effectiveMs: acted === null ? null : effectiveMs(acted, run, wallMs),
      event: acted?.event ?? null,
      begun,
      before,
      after: await admin.state(),
    }
  } finally {
    sender.close()
    await cluster.stop()
  }
}

/** runLoad begins its warm-up so long after it was called. */
const LEAD_MS = 50

async function provision(admin: Admin, { policy, provision: experts, warmStandby = true }: TrialOptions): Promise<void> {
  await admin.setPolicy({ ...POLICY, ...policy, enabled: false })
  const { placement } = (await admin.state()).autoscaler
  const warmed = warmStandby ? warmingCopies(placement) : []
  await scaleTo(admin, warmed)
  const stay = new Set(experts.map(({ layer, expert }) => `${layer}/${expert}`))
  const gone = warmed.flatMap(({ layer, expert }) => (stay.has(`${layer}/${expert}`) ? [] : [{ layer, expert, replicas: 1 }]))
  await scaleTo(admin, [...experts, ...gone])
}

/** A copy for each standby: what wakes it. It goes again; the isolate stays, as ElasticMoE's pre-initialised instances do. */
function warmingCopies({ hosts, layers }: Placement): NamedExperts {
  const idle = hosts.filter((_, host) => !layers.some((experts) => experts.some((replicas) => replicas.includes(host))))
  return idle.map((host, expert) => ({ layer: 0, expert, hosts: [host] }))
}

async function scaleTo(admin: Admin, experts: NamedExperts): Promise<void> {
  if (experts.length === 0) return
  const { event } = await admin.scale(experts)
  if (event !== null) await admin.ended(event.id)
}

async function command({ times }: TrialOptions, inputs: ActionInputs, originMs: number, action: Action | null) {
  const never = new AbortController().signal
  await MONOTONIC.sleepUntil(originMs + times.commandMs - STATE_MS, never)
  const before = await inputs.admin.state()
  await MONOTONIC.sleepUntil(originMs + times.commandMs, never)
  return { before, acted: action === null ? null : await action(inputs) }
}

/** The cluster is looked at so long before the command, so that the look does not disturb it. */
const STATE_MS = 300

function effectiveMs({ inForce }: Acted, { records }: LoadRun, wallMs: number): number {
  if (inForce.kind === 'at') return inForce.ms - wallMs
  const pieces = records.flatMap(({ pieceMs }) => pieceMs.filter((ms) => ms > inForce.sinceMs - wallMs))
  if (pieces.length === 0) throw new Error('nothing was answered after the restart')
  return Math.min(...pieces)
}

/** Every expert is met once before anything is measured: hosts load on first use. */
export async function fillHosts(url: string, model: string): Promise<void> {
  const prompts = Array.from({ length: 4 }, (_, i) => Array.from({ length: 128 }, (_unused, j) => 10 + (((i * 128 + j) * 5) % 6000)))
  await Promise.all(
    prompts.map((prompt) =>
      fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, prompt, max_tokens: 1, temperature: 0 }),
      }).then(async (response) => {
        if (!response.ok) throw new Error(`filling the hosts: ${response.status} ${await response.text()}`)
        await response.body?.cancel()
      }),
    ),
  )
}
