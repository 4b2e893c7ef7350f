import type { CostModel } from './cost-model.ts'
import type { LayerRisk } from './layer-risk.ts'
import type { LayerSplit } from './layer-split.ts'

/** How many deviations of the load are planned for. docs/design/planner.md has what 0, 1 and 4 give. */
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
  const { pairs, speed } = split
  const from = split.fullest()
  const fullest = split.level(from)
  const units = Array.from(speed.keys()).sort((a, b) => risk.variance[a]! - risk.variance[b]! || split.level(a) - split.level(b) || a - b)
  const before = RISK_DEVIATIONS * risk.value()
  const holds = new Int32Array(speed.length).fill(-1)
  let bestExpert = -1
  let bestUnit = -1
  let bestMs = 0
  for (const expert of worthALook(split, risk, from)) {
    const replicas = split.experts[expert]!
    for (const unit of replicas.units) holds[unit] = expert
    const share = holds[from] === expert ? replicas.pairs[replicas.units.indexOf(from)]! : 0
    let speedBefore = 0
    let shared = 0
    let saferMs = 0
    for (const unit of units) {
      if (holds[unit] === expert) continue
      const isFirst = speed[unit] !== speedBefore
      if (isFirst) {
        speedBefore = speed[unit]!
        shared = risk.sharedWith(expert, replicas.units, speedBefore)
        saferMs = (before - RISK_DEVIATIONS * risk.valueWith(shared, unit)) / cost.pairsPerMs
      }
      const poured = Math.min(share, Math.max(0, pairsToLevel(split, from, unit)))
      let gainMs = 0
      if (poured > 0) {
        const level = Math.max((pairs[from]! - poured) / speed[from]!, (pairs[unit]! + poured) / speed[unit]!)
        gainMs = (fullest - level) / cost.pairsPerMs
      }
      if (gainMs + saferMs <= bestMs) {
        if (share === 0) break
        continue // no further unit of this speed is safer
      }
      if (poured > 0 && cost.callMs > 0) gainMs -= (Math.exp(-pairs[unit]!) - Math.exp(-pairs[unit]! - poured)) * cost.callMs
      gainMs += isFirst ? saferMs : (before - RISK_DEVIATIONS * risk.valueWith(shared, unit)) / cost.pairsPerMs
      if (!fits(expert, unit)) continue
      if (gainMs > bestMs) {
        bestMs = gainMs
        bestExpert = expert
        bestUnit = unit
      }
      if (share === 0) break // all others are riskier
    }
  }
  return bestExpert < 0 ? null : { expert: bestExpert, unit: bestUnit }
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
  const isWorth = new Uint8Array(experts.length)
  for (let expert = 0; expert < experts.length; expert++) {
    const { units } = experts[expert]!
    const unit = units[0]!
    if (units.length > 1 || unit === fullest) isWorth[expert] = 1
    else if (riskiest[unit]! < 0 || risk.squares[expert]! > risk.squares[riskiest[unit]!]!) riskiest[unit] = expert
  }
  for (const expert of riskiest) if (expert >= 0) isWorth[expert] = 1
  const look: number[] = []
  for (let expert = 0; expert < experts.length; expert++) if (isWorth[expert] === 1) look.push(expert)
  return look
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
