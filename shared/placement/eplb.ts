/** What EPLB plans for: `replicas` slots in all, the same number on each of `gpus`. Sizes must divide: the reference asserts them too. */
export interface EplbShape {
  readonly replicas: number
  readonly groups: number
  readonly nodes: number
  readonly gpus: number
}

export interface EplbPlan {
  /** [layers][slots] expert in each slot; slot p is on GPU ⌊p / (replicas / gpus)⌋. */
  readonly physicalToLogical: readonly (readonly number[])[]
  /** [layers][experts][copies] slots in order of creation, padded with −1 to the largest count of all layers. */
  readonly logicalToPhysical: readonly (readonly (readonly number[])[])[]
  /** [layers][experts] copies. */
  readonly logicalCount: readonly (readonly number[])[]
}

/**
 * The plan of the reference, flaws and all: a peer to measure against, not what isomoe places by. SPEC SI1.
 * @param weights [layers][experts] load.
 *
 * Source: deepseek-ai/EPLB eplb.py, rebalance_experts. Arithmetic is float32 throughout (weights, weight / count, running pack weights), as
 * torch has it; the sort is stable, which the reference leaves to chance. Groups that do not divide over the nodes: one group, one node.
 */
export function eplb(weights: readonly (readonly number[])[], shape: EplbShape): EplbPlan {
  const whole = shape.groups % shape.nodes === 0 ? shape : { ...shape, groups: 1, nodes: 1 }
  const layers = weights.map((weight) => rebalanceLayer(Float32Array.from(weight), whole))
  const copiesMax = Math.max(...layers.map(({ count }) => Math.max(...count)))
  return {
    physicalToLogical: layers.map(({ slots }) => slots.map(({ expert }) => expert)),
    logicalToPhysical: layers.map(({ slots, count }) => {
      const slotsOf = count.map(() => Array.from({ length: copiesMax }, () => -1))
      slots.forEach(({ expert, rank }, slot) => (slotsOf[expert]![rank] = slot))
      return slotsOf
    }),
    logicalCount: layers.map(({ count }) => count),
  }
}

interface Slot {
  readonly expert: number
  /** Which copy of its expert. */
  readonly rank: number
}

/** Groups to nodes; replicas inside each node; the node's replicas to its GPUs. */
function rebalanceLayer(weight: Float32Array, { replicas, groups, nodes, gpus }: EplbShape): { readonly slots: Slot[]; readonly count: number[] } {
  const experts = weight.length
  if (experts % groups !== 0 || groups % nodes !== 0 || gpus % nodes !== 0 || replicas % gpus !== 0 || replicas < experts) {
    throw new Error(`EPLB cannot place ${experts} experts in ${groups} groups and ${replicas} replicas on ${gpus} GPUs of ${nodes} nodes`)
  }
  const groupSize = experts / groups
  const groupWeights = Float32Array.from({ length: groups }, (_, group) => sum32(weight.subarray(group * groupSize, (group + 1) * groupSize)))
  const slots: Slot[] = []
  const count = Array.from({ length: experts }, () => 1)
  for (const members of balancedPacking(groupWeights, nodes)) {
    const ids = members.flatMap((group) => Array.from({ length: groupSize }, (_, i) => group * groupSize + i))
    const ownWeight = Float32Array.from(ids, (id) => weight[id]!)
    const copies = replicate(ownWeight, replicas / nodes)
    const ownCount = ids.map(() => 0)
    for (const { expert } of copies) ownCount[expert]!++
    ids.forEach((id, i) => (count[id] = ownCount[i]!))
    const shares = Float32Array.from(copies, ({ expert }) => ownWeight[expert]! / ownCount[expert]!)
    for (const pack of balancedPacking(shares, gpus / nodes)) {
      for (const copy of pack) slots.push({ expert: ids[copies[copy]!.expert]!, rank: copies[copy]!.rank })
    }
  }
  return { slots, count }
}

/** @returns [packs][n / packs] items of each pack: by weight descending, each into the lightest pack with room; the lower index on a tie. */
function balancedPacking(weight: Float32Array, packs: number): number[][] {
  const room = weight.length / packs
  if (room === 1) return Array.from(weight, (_, item) => [item])
  const items = Array.from({ length: packs }, (): number[] => [])
  const packWeight = new Float32Array(packs)
  const order = Array.from(weight, (_, item) => item).sort((a, b) => weight[b]! - weight[a]! || a - b)
  for (const item of order) {
    let lightest = -1
    for (let pack = 0; pack < packs; pack++) {
      if (items[pack]!.length < room && (lightest < 0 || packWeight[pack]! < packWeight[lightest]!)) lightest = pack
    }
    items[lightest]!.push(item)
    packWeight[lightest]! += weight[item]! // rounded by the array
  }
  return items
}

/** One copy of each expert, then one more of whichever has the largest weight / count (lower index on a tie), to `slots` in all. */
function replicate(weight: Float32Array, slots: number): Slot[] {
  const copies = Array.from(weight, (_, expert) => ({ expert, rank: 0 }))
  const count = new Uint32Array(weight.length).fill(1)
  const share = Float32Array.from(weight)
  while (copies.length < slots) {
    let most = 0
    for (let expert = 1; expert < share.length; expert++) if (share[expert]! > share[most]!) most = expert
    copies.push({ expert: most, rank: count[most]!++ })
    share[most] = weight[most]! / count[most]!
  }
  return copies
}

/** In float32; exact while counts are below 2^24, so the order of torch's sum does not matter. */
function sum32(values: Float32Array): number {
  return values.reduce((total, value) => Math.fround(total + value), 0)
}
