import type { PlacementShape } from '../../../shared/placement/base-placement.ts'
import { expertBytesByLayer } from '../../../shared/placement/expert-bytes.ts'
import { hostNames } from '../../../shared/placement/host-names.ts'
import type { LoadedTinyPack } from '../../fixtures/load-tiny-pack.ts'
import { createSimClock } from '../sim-clock.ts'
import { createDraws } from './draws.ts'
import { createNetwork } from './network.ts'
import { createSimAutoscaler } from './sim-autoscaler.ts'
import { createSimEngine } from './sim-engine.ts'
import { createSimHost, TIER } from './sim-host.ts'
import type { SimHost } from './sim-host.ts'
import { createStorage } from './storage.ts'

export interface WorldOptions {
  readonly base: number
  readonly standby: number
  readonly engines: number
  readonly shape: PlacementShape
  readonly lanes: number
  readonly kvPages: number
  readonly callPairs: number
  /** Experts that a host has room for. */
  readonly arenaExperts: number
  /** (token, expert) pairs that a host computes in a millisecond. */
  readonly pairsPerMs: number
  readonly journalMs: number
}

/** A whole cluster on simulated time: the code of the workers, and a platform that follows from `seed`. */
export function createWorld({ manifest, modules, objects }: LoadedTinyPack, seed: number, options: WorldOptions) {
  const clock = createSimClock()
  const lines: string[] = []
  const faults: string[] = []
  const log = (line: string) => void lines.push(`${clock.nowMs()} ${line}`)
  const network = createNetwork(clock, createDraws(seed, 1))
  const storage = createStorage(objects, clock, createDraws(seed, 2))
  const ids = createDraws(seed, 3)
  const names = hostNames(options.base + options.standby)
  const expertBytes = expertBytesByLayer(manifest.spec, TIER)
  const arenaBytes = options.arenaExperts * Math.max(...expertBytes.flat())
  const weightsPerS = options.pairsPerMs * 1000 * 3 * manifest.spec.hidden * manifest.spec.expert.width
  const shared = { manifest, modules, clock, network, storage, log }
  const hosts = new Map<string, SimHost>(names.map((host) => [host, createSimHost({ ...shared, host, arenaBytes, weightsPerS, draws: ids })]))
  const budgets = names.slice(0, options.base).map((host) => ({ host, arenaBytes }))
  const deployment = {
    model: manifest.name,
    digest: manifest.digest,
    tier: TIER,
    expertBytes,
    base: budgets,
    standby: names.slice(options.base),
    shape: options.shape,
  } as const
  const onFault = (what: unknown) => {
    const text = what instanceof Error ? (what.stack ?? what.message) : String(what)
    faults.push(text)
    log(`FAULT ${text}`)
  }
  const autoscaler = createSimAutoscaler({ deployment, hosts, clock, network, draws: createDraws(seed, 4), log, onFault })
  const engines = Array.from({ length: options.engines }, (_, i) =>
    createSimEngine({ ...shared, ...options, engine: `engine-${i}`, hosts, draws: ids, autoscaler: autoscaler.stubFor, onFault }),
  )
  return { clock, network, storage, hosts, autoscaler, engines, log, lines, faults, manifest, options }
}

export type World = ReturnType<typeof createWorld>
