/**
 * Who computes what: shares the (token, expert) pairs of a layer over the replicas of its experts, so that the busiest host finishes as
 * early as possible. This is the engine's, per layer and step, in integers; split-fractions.ts is the planner's, in reals. SPEC SP2, SP3.
 */

/** One layer's replicas as flat arrays. A slot is one replica of one expert; slots are numbered by expert, then in the order of its hosts. */
export interface SplitTable {
  readonly hosts: number
  /** [experts + 1]: the replicas of expert e are the slots first[e] … first[e + 1] − 1. */
  readonly first: Uint32Array
  /** [slots] host of each replica. */
  readonly hostOf: Uint32Array
  /** Experts with more than one replica, ascending. Empty: every share is its expert's count. */
  readonly replicated: Uint32Array
  /** [slots] expert of each replica. */
  readonly expertOf: Uint32Array
  /** [hosts + 1] and the slots of replicated experts on host h: slotsOn[firstOn[h]] … slotsOn[firstOn[h + 1] − 1]. */
  readonly firstOn: Uint32Array
  readonly slotsOn: Uint32Array
}

/** @param replicas [experts][replicas] hosts of each, distinct and below `hosts`: a layer of a Placement. */
export function splitTable(replicas: readonly (readonly number[])[], hosts: number): SplitTable {
  const first = new Uint32Array(replicas.length + 1)
  replicas.forEach((held, expert) => (first[expert + 1] = first[expert]! + held.length))
  const hostOf = Uint32Array.from(replicas.flat())
  const expertOf = Uint32Array.from(replicas.flatMap((held, expert) => held.map(() => expert)))
  const replicated = Uint32Array.from(replicas.flatMap((held, expert) => (held.length > 1 ? [expert] : [])))
  const firstOn = new Uint32Array(hosts + 1)
  const slotsOn: number[] = []
  for (let host = 0; host < hosts; host++) {
    for (const expert of replicated) {
      for (let slot = first[expert]!; slot < first[expert + 1]!; slot++) if (hostOf[slot] === host) slotsOn.push(slot)
    }
    firstOn[host + 1] = slotsOn.length
  }
  return { hosts, first, hostOf, replicated, expertOf, firstOn, slotsOn: Uint32Array.from(slotsOn) }
}

/**
 * @param table of one layer.
 * @param counts [experts] pairs of each expert in this step.
 * @param shares [slots] filled with the pairs that each replica computes; those of an expert add up to its count.
 */
export type Split = (table: SplitTable, counts: Uint32Array, shares: Uint32Array) => void

/**
 * A splitter with its scratch, made once: a call allocates nothing. Same input, same shares.
 * @param hostsMax hosts of the largest table.
 * @param callPairs what a call costs now, in pairs; it and the pairs of a step are below 2^30. A host that no expert needs starts at that level, so that it is called only where it makes
 *   the busiest host finish earlier by more than a call. At 0 the busiest host has ⌈the least possible⌉ pairs (SPEC SP3).
 *
 * Pour each replicated expert over its hosts like water, then repair: while pairs can be passed from the busiest host along a path of
 * replicas to one that has at least two less, pass them. No such path is left: no split has a lower maximum (Harvey et al., Semi-matchings
 * for bipartite graphs and load balancing, J. Algorithms 2006, theorem 3.1; here with several pairs an expert).
 */
export function createSplitter(hostsMax: number, callPairs: () => number): Split {
  /** Pairs of each host, above where it started. */
  const level = new Int32Array(hostsMax)
  const pairs = new Uint32Array(hostsMax)
  const needed = new Uint8Array(hostsMax)
  /** Of the search: the slot that takes pairs at a host, the one that gives them, and hosts in order of visit. −1: not visited. */
  const taker = new Int32Array(hostsMax)
  const giver = new Int32Array(hostsMax)
  const queue = new Uint32Array(hostsMax)
  /** One expert's slots, by the level of their hosts. */
  const order = new Uint32Array(hostsMax)

  return function split(table, counts, shares) {
    const { first, replicated } = table
    if (replicated.length === 0) {
      shares.set(counts.subarray(0, first.length - 1))
      return
    }
    level.fill(0, 0, table.hosts)
    pairs.fill(0, 0, table.hosts)
    for (let expert = 0; expert < first.length - 1; expert++) {
      const slot = first[expert]!
      if (first[expert + 1]! - slot > 1) continue
      shares[slot] = counts[expert]!
      pairs[table.hostOf[slot]!]! += counts[expert]!
    }
    startLevels(table, counts)
    for (let i = 0; i < replicated.length; i++) pour(table, replicated[i]!, counts[replicated[i]!]!, shares)
    while (passOn(table, shares));
  }

  /** Hosts that are called anyway start at their pairs, the others at the price of a call. */
  function startLevels(table: SplitTable, counts: Uint32Array): void {
    for (let host = 0; host < table.hosts; host++) {
      level[host] = pairs[host]!
      needed[host] = pairs[host] === 0 ? 0 : 1
    }
    const price = callPairs()
    if (price === 0) return
    while (needOneMore(table, counts));
    for (let host = 0; host < table.hosts; host++) if (needed[host] === 0) level[host] = price
  }

  /** Of the experts that no needed host holds, takes the host that holds most of their pairs (lower id on a tie): few hosts serve all. */
  function needOneMore({ hosts, first, hostOf, firstOn, slotsOn, expertOf }: SplitTable, counts: Uint32Array): boolean {
    let best = -1
    let most = 0
    for (let host = 0; host < hosts; host++) {
      if (needed[host] === 1) continue
      let waiting = 0
      for (let i = firstOn[host]!; i < firstOn[host + 1]!; i++) {
        const expert = expertOf[slotsOn[i]!]!
        if (counts[expert] === 0) continue
        let slot = first[expert]!
        while (slot < first[expert + 1]! && needed[hostOf[slot]!] === 0) slot++
        if (slot === first[expert + 1]!) waiting += counts[expert]!
      }
      if (waiting > most) {
        most = waiting
        best = host
      }
    }
    if (best >= 0) needed[best] = 1
    return best >= 0
  }

  /** Raises the lowest of an expert's hosts together until its pairs are placed; the odd ones go to the hosts that were lower, then to the lower id. */
  function pour({ first, hostOf }: SplitTable, expert: number, count: number, shares: Uint32Array): void {
    const start = first[expert]!
    const replicas = first[expert + 1]! - start
    if (count === 0) {
      shares.fill(0, start, start + replicas)
      return
    }
    for (let i = 0; i < replicas; i++) {
      let at = i
      const own = level[hostOf[start + i]!]!
      for (; at > 0 && level[hostOf[order[at - 1]!]!]! > own; at--) order[at] = order[at - 1]!
      order[at] = start + i
    }
    let filled = 1
    let water = count + level[hostOf[order[0]!]!]!
    for (; filled < replicas; filled++) {
      const next = level[hostOf[order[filled]!]!]!
      if (next * filled >= water) break
      water += next
    }
    const surface = Math.floor(water / filled)
    const odd = water - surface * filled
    for (let i = 0; i < replicas; i++) {
      const host = hostOf[order[i]!]!
      const share = i < filled ? surface + (i < odd ? 1 : 0) - level[host]! : 0
      shares[order[i]!] = share
      level[host]! += share
      pairs[host]! += share
    }
  }

  /** One repair. Breadth first, so paths are short. @returns false when the busiest host cannot be helped. */
  function passOn({ hosts, first, hostOf, expertOf, firstOn, slotsOn }: SplitTable, shares: Uint32Array): boolean {
    let busiest = -1
    for (let host = 0; host < hosts; host++) if (pairs[host]! > 0 && (busiest < 0 || level[host]! > level[busiest]!)) busiest = host
    if (busiest < 0 || level[busiest]! < 2) return false // nobody has two less
    giver.fill(-1, 0, hosts)
    giver[busiest] = 0 // visited
    queue[0] = busiest
    for (let read = 0, visited = 1; read < visited; read++) {
      const host = queue[read]!
      for (let i = firstOn[host]!; i < firstOn[host + 1]!; i++) {
        const from = slotsOn[i]!
        if (shares[from] === 0) continue
        const expert = expertOf[from]!
        for (let to = first[expert]!; to < first[expert + 1]!; to++) {
          const other = hostOf[to]!
          if (giver[other]! >= 0) continue
          giver[other] = from
          taker[other] = to
          if (level[other]! <= level[busiest]! - 2) {
            passAlong(hostOf, busiest, other, shares)
            return true
          }
          queue[visited++] = other
        }
      }
    }
    return false
  }

  /** Passes half the difference, or the smallest share on the path. */
  function passAlong(hostOf: Uint32Array, busiest: number, last: number, shares: Uint32Array): void {
    let passed = (level[busiest]! - level[last]!) >> 1
    for (let host = last; host !== busiest; host = hostOf[giver[host]!]!) passed = Math.min(passed, shares[giver[host]!]!)
    for (let host = last; host !== busiest; host = hostOf[giver[host]!]!) {
      shares[giver[host]!]! -= passed
      shares[taker[host]!]! += passed
    }
    level[busiest]! -= passed
    pairs[busiest]! -= passed
    level[last]! += passed
    pairs[last]! += passed
  }
}
