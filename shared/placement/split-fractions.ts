export interface FractionalSplit {
  /** [experts][replicas] load of each replica, as `replicas` lists them; those of an expert add up to its load. */
  readonly shares: readonly (readonly number[])[]
  /** [hosts] */
  readonly hostLoads: readonly number[]
  /** Largest load of a host divided by its speed: the least that any split has. */
  readonly max: number
}

/** Rounds of water-filling before the exact finish, which needs few steps when it starts from their result. */
const ROUNDS_MAX = 32
/** A load this far above the level, relative, is rounding. */
const EPSILON = 1e-12

/**
 * Divides each expert's load freely over its replicas so that the busiest host has the least possible: an LP, solved exactly. SPEC SP1.
 * @param load [experts], finite and not negative.
 * @param replicas [experts][replicas] hosts of each, distinct, at least one where there is load.
 * @param speeds [hosts] load per time of each, above 0; all 1 when left out.
 *
 * Water-filling expert by expert, round by round, comes close (and evens out the hosts below the maximum too). The finish is a flow with the
 * level as capacity, first the mean: a host above the level passes its excess along replicas to one below it. Where it cannot, the hosts it
 * reaches hold experts that live nowhere else, so their mean is a bound, and the new level. No host above: bound and split are one.
 */
export function splitFractions(
  load: readonly number[],
  replicas: readonly (readonly number[])[],
  hosts: number,
  speeds: readonly number[] = Array.from({ length: hosts }, () => 1),
): FractionalSplit {
  const shares = load.map((w, expert) => replicas[expert]!.map(() => w / replicas[expert]!.length))
  const flow: Flow = { load, replicas, speeds, shares, hostLoads: sumByHost(shares, replicas, hosts) }
  const several = load.flatMap((w, expert) => (w > 0 && replicas[expert]!.length > 1 ? [expert] : []))
  let rounds = 0
  while (rounds++ < ROUNDS_MAX && several.reduce((moved, expert) => Math.max(moved, pour(flow, expert)), 0) > EPSILON);
  finish(flow, several)
  const hostLoads = sumByHost(shares, replicas, hosts)
  return { shares, hostLoads, max: hostLoads.reduce((max, w, host) => Math.max(max, w / speeds[host]!), 0) }
}

interface Flow {
  readonly load: readonly number[]
  readonly replicas: readonly (readonly number[])[]
  readonly speeds: readonly number[]
  readonly shares: number[][]
  readonly hostLoads: number[]
}

function sumByHost(shares: readonly (readonly number[])[], replicas: readonly (readonly number[])[], hosts: number): number[] {
  const loads = Array.from({ length: hosts }, () => 0)
  shares.forEach((held, expert) => held.forEach((share, i) => (loads[replicas[expert]![i]!]! += share)))
  return loads
}

/** Takes one expert's load out and pours it over its hosts up to a common time. @returns the largest change of a share, relative to the load. */
function pour({ load, replicas, speeds, shares, hostLoads }: Flow, expert: number): number {
  const w = load[expert]!
  const own = shares[expert]!
  const held = replicas[expert]!
  const base = held.map((host, i) => Math.max(0, hostLoads[host]! - own[i]!)) // rounding may go below
  const order = held.map((_, i) => i).sort((a, b) => base[a]! / speeds[held[a]!]! - base[b]! / speeds[held[b]!]! || a - b)
  let water = w
  let speed = 0
  for (const i of order) {
    if (speed > 0 && (base[i]! / speeds[held[i]!]!) * speed >= water) break
    water += base[i]!
    speed += speeds[held[i]!]!
  }
  let moved = 0
  for (const i of order) {
    const share = Math.min(w, Math.max(0, (water / speed) * speeds[held[i]!]! - base[i]!))
    moved = Math.max(moved, Math.abs(share - own[i]!))
    own[i] = share
    hostLoads[held[i]!] = base[i]! + share
  }
  return moved / w
}

function finish(flow: Flow, several: readonly number[]): void {
  const { speeds, hostLoads } = flow
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  let level = sum(hostLoads) / sum(speeds)
  for (;;) {
    const over = hostLoads.findIndex((w, host) => w > level * speeds[host]! * (1 + EPSILON))
    if (over < 0) return
    const reached = passExcess(flow, several, over, level)
    if (reached === null) continue
    const bound = sum(reached.map((host) => hostLoads[host]!)) / sum(reached.map((host) => speeds[host]!))
    if (bound <= level) return // the excess is rounding
    level = bound
  }
}

/**
 * Passes excess of a host above the level along the shortest path of replicas to a host below it: all of it, what fits there, or the
 * smallest share on the way. @returns null, or where there is no path the hosts that were reached.
 */
function passExcess({ replicas, speeds, shares, hostLoads }: Flow, several: readonly number[], over: number, level: number): number[] | null {
  const cameBy = new Map<number, { readonly expert: number; readonly from: number; readonly to: number } | null>([[over, null]])
  for (const host of cameBy.keys()) {
    for (const expert of several) {
      const held = replicas[expert]!
      const from = held.indexOf(host)
      if (from < 0 || shares[expert]![from]! <= 0) continue
      for (const [to, other] of held.entries()) {
        if (cameBy.has(other)) continue
        cameBy.set(other, { expert, from, to })
        const room = level * speeds[other]! - hostLoads[other]!
        if (room <= 0) continue
        const path = []
        for (let step = cameBy.get(other)!; step; step = cameBy.get(replicas[step.expert]![step.from]!)!) path.push(step)
        const passed = Math.min(room, hostLoads[over]! - level * speeds[over]!, ...path.map((step) => shares[step.expert]![step.from]!))
        for (const step of path) {
          shares[step.expert]![step.from]! -= passed
          shares[step.expert]![step.to]! += passed
        }
        hostLoads[over]! -= passed
        hostLoads[other] = passed === room ? level * speeds[other]! : hostLoads[other]! + passed
        return null
      }
    }
  }
  return [...cameBy.keys()]
}
