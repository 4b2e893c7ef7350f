import { POLICY_DEFAULT } from '../../../shared/placement/policy.ts'
import type { Policy } from '../../../shared/placement/policy.ts'
import type { ExpertRef } from '../../../shared/protocol/host-api.ts'
import type { HostTrouble } from '../cluster-host.ts'
import type { Draws } from './draws.ts'
import type { SimHost } from './sim-host.ts'
import { AUTOSCALER } from './sim-autoscaler.ts'
import { STORAGE_TROUBLES } from './storage.ts'
import type { World } from './world.ts'

/** Troubles pass before anybody gives up: an expert that a host should hold can be had again within the engine's bounds. */
const TROUBLE_MS = { min: 50, max: 5000 } as const
/** Past the leases of hosts and engines, and a drain's wait. */
const LONG_MS = { min: 8000, max: 20_000 } as const
const NONE: HostTrouble = { kind: 'none' }

type Strike = (world: World, draws: Draws, host: SimHost, forMs: number) => void

function suffers(trouble: (draws: Draws, world: World) => HostTrouble): Strike {
  return (world, draws, { on }, forMs) => {
    if (on.trouble !== 'none') return // one at a time: what ends it must not end another
    on.suffers(trouble(draws, world))
    world.clock.setTimer(forMs, () => on.suffers(NONE))
  }
}

const CONTROL_CALLS = ['load', 'probe', 'drain', 'drop', 'source', 'inventory'] as const

/** Everything that may happen. Names are those of the log. */
export const FAULTS = {
  'host killed': (_world, _draws, { on }) => on.reset(),
  'host evicted': (_world, _draws, { on }) => on.evict(),
  'host dead': suffers(() => ({ kind: 'dead' })),
  'host silent': suffers(() => ({ kind: 'silent' })),
  'host slow': suffers((draws) => ({ kind: 'slow', ms: draws.whole(20, 400) })),
  'host lies': suffers((draws) => {
    const seed = draws.whole(0, 100)
    return { kind: 'lies', about: (layer, expert) => (layer + expert + seed) % 3 > 0 }
  }),
  'host boasts': suffers((draws, world) => {
    const experts = world.autoscaler.table().layers.flatMap((layer, l) => layer.map((_, e): ExpertRef => [l, e]))
    return { kind: 'boasts', of: experts.filter(() => draws.chance(0.5)) }
  }),
  'host dies at a control call': (_world, draws, { on, traps }) => void traps.set(draws.pick(CONTROL_CALLS), draws.chance(0.7) ? on.reset : on.evict),
  'memory damaged after a load': (world, draws, host) => host.damageNext((loaded) => draws.pick([null, ...loaded.filter((ref) => isNew(world, host, ref))])),
  'storage sick': ({ storage, clock }, draws, _host, forMs) => {
    storage.suffers({ kind: draws.pick(STORAGE_TROUBLES), share: draws.pick([0.1, 0.3, 0.7]) })
    clock.setTimer(forMs, () => storage.suffers(null))
  },
  'network loses calls': ({ network, clock }, draws, _host, forMs) => {
    network.trouble.lossShare = draws.pick([0.005, 0.03])
    clock.setTimer(forMs / 2, () => void (network.trouble.lossShare = 0))
  },
  'peers break': ({ network, clock }, _draws, _host, forMs) => {
    network.trouble.peerLossShare = 0.3
    clock.setTimer(2 * forMs, () => void (network.trouble.peerLossShare = 0))
  },
  'engine cut off from the autoscaler': ({ network, engines }, draws) => network.cut(draws.pick(engines).engine, AUTOSCALER, longMs(draws), draws.chance(0.5)),
  'host cut off from the autoscaler': ({ network }, draws, { on }) => network.cut(on.host, AUTOSCALER, longMs(draws), draws.chance(0.5)),
  'host cut off from an engine': ({ network, engines }, draws, { on }, forMs) => network.cut(on.host, draws.pick(engines).engine, forMs, draws.chance(0.5)),
  'host dead for long': (world, draws, host) => FAULTS['host dead'](world, draws, host, longMs(draws)),
  'engine reset': ({ engines }, draws) => draws.pick(engines).reset(),
  'autoscaler reset': ({ autoscaler }, draws) => autoscaler.reset(draws.pick(['after', 'after', 'zombie'])),
  'autoscaler dies at a call': ({ autoscaler }, draws) => autoscaler.dieAtCall(draws.whole(1, 8), draws.pick(['before', 'after', 'zombie'])),
  'plan by hand': ({ autoscaler, log }, draws) => {
    const layer = draws.whole(0, 1)
    const experts = Array.from({ length: draws.whole(1, 3) }, (_, i) => ({ layer, expert: (draws.whole(0, 3) + i) % 4, replicas: draws.whole(1, 3) }))
    const distinct = experts.filter(({ expert }, i) => experts.findIndex((other) => other.expert === expert) === i)
    void autoscaler
      .core()
      .scale({ dryRun: false, experts: distinct })
      .then((answer) => log(`plan by hand: ${answer.ok ? 'taken' : answer.error.code}`))
      .catch((error: unknown) => log(`plan by hand: ${String(error)}`)) // an instance that was overtaken takes none
  },
  'policy changed': ({ autoscaler, log }, draws) => {
    const change = draws.pick<Partial<Policy>>([
      { source: 'peer' },
      { source: 'storage' },
      { standby: false },
      { enabled: false },
      { movesMax: 2 },
      { copiesMax: 1 },
      { stayMs: 0, gainMin: 0 },
      { drainMs: 0 },
      { ...POLICY_DEFAULT, windowMs: 500 },
    ])
    void autoscaler
      .core()
      .setPolicy(change)
      .then((answer) => log(`policy: ${answer.ok ? JSON.stringify(change) : answer.error.code}`))
      .catch((error: unknown) => log(`policy: ${String(error)}`)) // as above
  },
} as const satisfies Record<string, Strike>

export type FaultName = keyof typeof FAULTS

const OFTEN: readonly FaultName[] = [
  'host killed',
  'host dead',
  'autoscaler dies at a call',
  'host dies at a control call',
  'memory damaged after a load',
  'storage sick',
]
const DRAWN = [...(Object.keys(FAULTS) as FaultName[]), ...OFTEN]

function longMs(draws: Draws): number {
  return draws.whole(LONG_MS.min, LONG_MS.max)
}

/** One fault, now. */
export function strike(world: World, draws: Draws, counts: Map<FaultName, number>): void {
  const name = draws.pick(DRAWN)
  const host = draws.pick(Array.from(world.hosts.values()))
  const forMs = draws.whole(TROUBLE_MS.min, TROUBLE_MS.max)
  world.log(`fault: ${name} (${host.on.host}, ${forMs} ms)`)
  counts.set(name, (counts.get(name) ?? 0) + 1)
  FAULTS[name](world, draws, host, forMs)
}

/** What was armed and did not happen does not happen any more. What lasts ends by its own timer. */
export function disarm({ hosts, autoscaler }: World): void {
  for (const { traps, damageNext } of hosts.values()) {
    traps.clear()
    damageNext(null)
  }
  autoscaler.misbehaves(false)
  void autoscaler.core().setPolicy(POLICY_DEFAULT)
}

/** Whether no frame can use the copy before its probe: no engine has a table that gives it to the host. What serves already cannot be protected by a probe. */
function isNew({ engines, autoscaler }: World, { on }: SimHost, [layer, expert]: ExpertRef): boolean {
  const tables = [autoscaler.table(), ...engines.flatMap((engine) => engine.ready()?.hosts.newest().placement ?? [])]
  const drained = engines.every((engine) => engine.ready()?.hosts.oldest() === autoscaler.table().epoch)
  return drained && tables.every((table) => !table.layers[layer]![expert]!.includes(table.hosts.indexOf(on.host)))
}
