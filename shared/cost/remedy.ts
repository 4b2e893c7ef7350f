import { CHUNK_DEFAULT, stepLimits } from '../core/scratch.ts'
import { KV_PAGE_POSITIONS } from '../core/records.ts'
import { planEngineMemory } from '../placement/budget.ts'
import { moeError } from '../protocol/errors.ts'
import type { MoeError } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { err } from '../protocol/result.ts'
import type { Result } from '../protocol/result.ts'
import type { Tier } from '../protocol/tiers.ts'
import { planDeployment } from './deployment.ts'
import type { Deployment, DeploymentInput } from './deployment.ts'

export interface Possible {
  /** Tiers that could be served. */
  readonly tiers: readonly Tier[]
  /** Positions that a sequence must have at least: a prompt and its answer. */
  readonly contextMin: number
}

/** One option changed: null where it does not apply. What it costs grows down the list; of changes in equal number the earlier is the smaller. */
type Change = (input: DeploymentInput, possible: Possible) => { readonly input: DeploymentInput; readonly option: string } | null

const CHANGES: readonly Change[] = [
  (input) => (input.lanes > 1 ? { input: { ...input, lanes: 1 }, option: '--lanes 1' } : null),
  (input) => (input.trunk === 'q8' && input.tier !== 'f32' ? { input: { ...input, trunk: 'q4' }, option: '--trunk q4' } : null),
  (input, { tiers }) => (input.tier === 'f32' && tiers.includes('q8') ? { input: { ...input, tier: 'q8' }, option: '--tier q8' } : null),
  (input, { tiers }) => (input.tier !== 'q4' && tiers.includes('q4') ? { input: { ...input, tier: 'q4' }, option: '--tier q4' } : null),
  smallerContext,
  fewerStandbys,
  (input) => (input.hosts === null ? null : { input: { ...input, hosts: null }, option: 'no --hosts' }),
]

/**
 * Plans, and where that is refused names the smallest change of options that makes it possible: each is tried, singly, then in pairs and so on, so what is named
 * works. Where none does, the error says so. SPEC CO4.
 */
export function planOrRemedy(input: DeploymentInput, possible: Possible): Result<Deployment, MoeError> {
  const planned = planDeployment(input)
  if (planned.ok || planned.error.code !== 'over-budget') return planned
  const remedy = findRemedy(input, possible)
  const { message, details } = planned.error
  const advice = remedy === null ? hopeless(input, possible, details.part) : `${remedy.join(' ')} would make it possible`
  return err(moeError('over-budget', `${message}: ${advice}`, details))
}

function findRemedy(input: DeploymentInput, possible: Possible): string[] | null {
  for (let count = 1; count <= CHANGES.length; count++) {
    for (const set of subsets(CHANGES.length, count)) {
      const changed = applyChanges(set, input, possible)
      if (changed !== null && planDeployment(changed.input).ok) return changed.options
    }
  }
  return null
}

function applyChanges(set: readonly number[], input: DeploymentInput, possible: Possible) {
  let changed = input
  const options: string[] = []
  for (const index of set) {
    const change = CHANGES[index]!(changed, possible)
    if (change === null) return null
    changed = change.input
    options.push(change.option)
  }
  return { input: changed, options }
}

/** As large as fits, in whole pages. After the others in the list, so it is reckoned with their changes. */
function smallerContext(input: DeploymentInput, { contextMin }: Possible): ReturnType<Change> {
  const memory = planEngineMemory(input.spec, input.tier, stepLimits(input.spec, CHUNK_DEFAULT, input.lanes), { trunk: input.trunk })
  if (!memory.ok) return null
  const context = memory.value.kvPages * KV_PAGE_POSITIONS
  return context < input.context && context >= contextMin ? { input: { ...input, context }, option: `--context ${context}` } : null
}

function fewerStandbys(input: DeploymentInput): ReturnType<Change> {
  if (input.standby === 0) return null
  const alone = planDeployment({ ...input, standby: 0 })
  if (!alone.ok) return null
  const standby = LIMITS.hostsMax - alone.value.hosts
  return standby < input.standby ? { input: { ...input, standby }, option: `--standby ${standby}` } : null
}

/** Nothing helps: what is short, at the smallest that could be served. */
function hopeless(input: DeploymentInput, { tiers }: Possible, part: string): string {
  if (part === 'gateway')
    return 'no option changes that; a pack made anew has a byte-pair tokenizer as tables, which are smaller, and one without a tokenizer serves token ids'
  const tier = tiers.includes('q4') ? 'q4' : input.tier
  const smallest = planDeployment({ ...input, tier, trunk: 'q4', lanes: 1, hosts: null, standby: 0, hypotheticalTokens: input.context })
  if (!smallest.ok) return `no option changes that: ${smallest.error.message} even with tier and trunk ${tier}`
  return `no option changes that: at trunk q4 it would take ${smallest.value.stages} engines one after the other, which isomoe cannot serve yet (--hypothetical prices it)`
}

/** The k-element subsets of 0 … n - 1, in order. */
function* subsets(n: number, k: number, from = 0): Generator<number[]> {
  if (k === 0) yield []
  else for (let i = from; i <= n - k; i++) for (const rest of subsets(n, k - 1, i + 1)) yield [i, ...rest]
}
