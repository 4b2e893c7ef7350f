import type { CostModel } from './cost-model.ts'
import type { LayerRisk } from './layer-risk.ts'
import type { LayerSplit } from './layer-split.ts'

/** How many deviations of the load are planned for. Measured with SHARE_UNCERTAIN (layer-risk.ts). */
export const RISK_DEVIATIONS = 2

/** An expert's extra copy on a unit. */
export interface Copy {
  readonly expert: number
  readonly unit: number
}

/**
 * The copy that takes most off the planned time, if only it, the fullest unit and the new one change: a quick look, as the split is poured again after every choice.
 * Experts of the fullest unit may go to any unit; of the others, where a copy only shares out risk, the riskiest of each unit and those that have copies, to the safest unit.
 * @returns null where no copy gains.
 */
export function bestCopy(split: LayerSplit, risk: LayerRisk, cost: CostModel, fits: (expert: number, unit: number) => boolean): Copy | null {
  const from = split.fullest()
  const units = Array.from(split.speed.keys()).sort((a, b) => risk.variance[a]! - risk.variance[b]! || split.level(a) - split.level(b) || a - b)
  const before = RISK_DEVIATIONS * risk.value()
  let best: Copy | null = null
  let bestMs = 0
  for (const expert of worthALook(split, risk, from)) {
    const { units: holders, pairs } = split.experts[expert]!
    const source = holders.indexOf(from)
    for (const unit of units) {
      if (holders.includes(unit) || !fits(expert, unit)) continue
      const poured = source < 0 ? 0 : Math.min(pairs[source]!, Math.max(0, pairsToLevel(split, from, unit)))
      let gainMs = (before - RISK_DEVIATIONS * risk.valueWith(expert, holders, unit)) / cost.pairsPerMs
      if (poured > 0) {
        const level = Math.max((split.pairs[from]! - poured) / split.speed[from]!, (split.pairs[unit]! + poured) / split.speed[unit]!)
        const calls = Math.exp(-split.pairs[unit]!) - Math.exp(-split.pairs[unit]! - poured)
        gainMs += (split.level(from) - level) / cost.pairsPerMs - calls * cost.callMs
      }
      if (gainMs > bestMs) {
        bestMs = gainMs
        best = { expert, unit }
      }
      if (source < 0) break
    }
  }
  return best
}

/** Copies that may go, the cheapest first. The cost is an upper bound: what a copy carries goes to its expert's other units, and nothing else makes way for it. */
export function dropsByCost(split: LayerSplit, risk: LayerRisk, mayDrop: (expert: number, unit: number) => boolean): Copy[] {
  const fullest = split.level(split.fullest())
  const drops: (Copy & { level: number })[] = []
  for (const expert of split.replicated) {
    const { units, pairs } = split.experts[expert]!
    for (let replica = 1; replica < units.length; replica++) {
      const unit = units[replica]!
      if (!mayDrop(expert, unit)) continue
      const level = Math.max(fullest, levelWith(split, units, unit, pairs[replica]!))
      drops.push({ expert, unit, level: level + RISK_DEVIATIONS * risk.valueWithout(expert, units, unit) })
    }
  }
  return drops.sort((a, b) => a.level - b.level || a.expert - b.expert || a.unit - b.unit)
}

/** All experts of the fullest unit, all that have copies, and the riskiest of each unit, ascending. */
function worthALook({ experts, speed }: LayerSplit, risk: LayerRisk, fullest: number): number[] {
  const riskiest = new Int32Array(speed.length).fill(-1)
  const look: number[] = []
  for (let expert = 0; expert < experts.length; expert++) {
    const { units } = experts[expert]!
    const unit = units[0]!
    if (units.length > 1 || unit === fullest) look.push(expert)
    else if (riskiest[unit]! < 0 || risk.squares[expert]! > risk.squares[riskiest[unit]!]!) riskiest[unit] = expert
  }
  for (const expert of riskiest) if (expert >= 0) look.push(expert)
  return look.sort((a, b) => a - b)
}

/** Pairs that bring two units to one level when they go from one to the other. */
function pairsToLevel({ pairs, speed }: LayerSplit, from: number, to: number): number {
  return (pairs[from]! * speed[to]! - pairs[to]! * speed[from]!) / (speed[from]! + speed[to]!)
}

/** Level of the fullest of these units but one when the others take what that one carried, as evenly as can be. */
function levelWith(split: LayerSplit, units: readonly number[], gone: number, carried: number): number {
  let pairs = carried
  let speeds = 0
  let fullest = 0
  for (const unit of units) {
    if (unit === gone) continue
    pairs += split.pairs[unit]!
    speeds += split.speed[unit]!
    fullest = Math.max(fullest, split.level(unit))
  }
  return Math.max(fullest, pairs / speeds)
}
