import { NETWORK_LANES } from '../../shared/core/scratch.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import { readProbe } from '../probe/probe-result.ts'
import { planModel } from './model-plan.ts'
import { describeModelPlan } from './model-report.ts'
import { sourceFromConfig, sourceFromPack } from './plan-source.ts'
import { readPrices } from './price-file.ts'

export interface ModelOptions {
  /** One of the two. */
  readonly model?: string
  readonly spec?: string
  readonly tier: Tier
  readonly trunk: TrunkPrecision
  readonly lanes?: number
  readonly context?: number
  readonly hosts?: number
  readonly standby: number
  readonly concurrency: readonly number[]
  readonly promptTokens: number
  readonly outputTokens: number
  readonly tokensPerDay?: number
  readonly requestsPerS?: number
  readonly lingerS: number
  readonly rttMs?: number
  readonly rate?: number
  readonly prices?: string
  readonly probe?: string
  readonly local?: true
  readonly hypothetical?: true
  readonly json?: true
}

const DAY_S = 24 * 3600

/** `isomoe plan --model` and `--spec`: what it prints. */
export async function runModelPlan(options: ModelOptions): Promise<string> {
  const { promptTokens, outputTokens, tokensPerDay } = options
  const source = await (options.model === undefined ? sourceFromConfig(options.spec!) : sourceFromPack(options.model))
  const plan = planModel(source, {
    tier: options.tier,
    trunk: options.trunk,
    lanes: options.lanes ?? (options.local ? 1 : NETWORK_LANES),
    context: options.context ?? null,
    hosts: options.hosts ?? null,
    standby: options.standby,
    batches: options.concurrency,
    request: { promptTokens, outputTokens },
    requestsPerS: options.requestsPerS ?? (tokensPerDay === undefined ? null : tokensPerDay / outputTokens / DAY_S),
    lingerS: options.lingerS,
    rttMs: options.rttMs ?? null,
    rate: options.rate ?? null,
    prices: await readPrices(options.prices),
    probe: options.probe === undefined ? null : await readProbe(options.probe),
    local: options.local ?? false,
    hypothetical: options.hypothetical ?? false,
  })
  return options.json ? `${JSON.stringify(plan, null, 2)}\n` : describeModelPlan(plan)
}
