import type { Placement } from './placement.ts'
import type { PlanHost } from './plan.ts'

/** Least speed that is reckoned with: a host that was never seen to work still divides. */
const SPEED_MIN = 1e-3

/** Hosts that share memory and thread, as one: by their isolateId, or a host alone. */
export interface Unit {
  /** Indexes into `Units.hosts`, ascending. What comes to the unit comes to the first. */
  readonly hosts: number[]
  readonly speed: number
  readonly budgetBytes: number
  readonly standby: boolean
}

export interface Units {
  /** Names: those of the placement, then hosts that joined. */
  readonly hosts: readonly string[]
  readonly units: readonly Unit[]
  /** Of each host; -1: lost, or no longer there. */
  readonly unitOf: readonly number[]
}

/**
 * The live hosts as units, in order of their first host. A unit has the least budget and the least speed that its hosts tell, and is a standby where all of them are.
 */
export function groupUnits(current: Placement, planHosts: readonly PlanHost[]): Units {
  const hosts = [...current.hosts, ...planHosts.map(({ host }) => host).filter((host) => !current.hosts.includes(host))]
  const byName = new Map(planHosts.map((host) => [host.host, host]))
  const units: Unit[] = []
  const byIsolate = new Map<string, number>()
  const unitOf = hosts.map((name, index) => {
    const host = byName.get(name)
    if (host === undefined || host.state === 'lost') return -1
    const known = host.isolateId === null ? undefined : byIsolate.get(host.isolateId)
    const speed = Math.max(SPEED_MIN, Number.isFinite(host.speed) ? host.speed : 1)
    const standby = host.state === 'standby'
    if (known === undefined) {
      units.push({ hosts: [index], speed, budgetBytes: host.budgetBytes, standby })
      if (host.isolateId !== null) byIsolate.set(host.isolateId, units.length - 1)
      return units.length - 1
    }
    const unit = units[known]!
    units[known] = {
      hosts: [...unit.hosts, index],
      speed: Math.min(unit.speed, speed),
      budgetBytes: Math.min(unit.budgetBytes, host.budgetBytes),
      standby: unit.standby && standby,
    }
    return known
  })
  return { hosts, units, unitOf }
}
