import { CALLS_PER_SESSION } from '../protocol/session-calls.ts'
import { marginalBill, monthlyBill, scaleUsage } from './bill.ts'
import type { Bill, Usage } from './bill.ts'
import { MONTH_S } from './expected-load.ts'
import type { Prices } from './prices.ts'
import { RATES_MEASURED } from './rates.ts'
import { OBJECT_REQUESTS_PER_LIVE_S, OBJECT_REQUESTS_PER_REQUEST, liveObjects as countLive } from './serving-plan.ts'

/** What a service has counted since it began. All hosts together. */
export interface ServiceCounters {
  readonly requests: number
  readonly promptTokens: number
  readonly generatedTokens: number
  readonly steps: number
  readonly stepSeconds: number
  readonly hostCalls: number
  readonly expertLoads: number
  readonly storageBytes: number
}

export interface MeasuredInput {
  /** What was counted in the span. */
  readonly counted: ServiceCounters
  /** Of the span; null: all that was ever counted, and nobody knows how long that took. */
  readonly spanS: number | null
  /** Hosts that hold experts. */
  readonly warmHosts: number
  readonly prices: Prices
}

export interface MeasuredCost {
  readonly counted: ServiceCounters
  readonly spanS: number | null
  readonly liveObjects: number
  /** Seconds in which objects were live: the span where anything ran in it. Without a span, the time of steps: at least so long. */
  readonly liveS: number
  readonly tokensPerS: number | null
  readonly meanStepMs: number | null
  readonly tokensPerStep: number | null
  readonly usage: Usage
  readonly bill: Bill
  /** Null: nothing was generated. */
  readonly perMillionOutput: Bill | null
  /** The span again and again for a month. Null without a span. */
  readonly month: ReturnType<typeof monthlyBill> | null
}

/** Prices what a service counted. What no counter has is estimated and named: CPU of the gateway by the token, calls to objects by the request. SPEC CO10. */
export function measuredCost({ counted, spanS, warmHosts, prices }: MeasuredInput): MeasuredCost {
  const liveObjects = countLive({ hosts: warmHosts, stages: 1 })
  const liveS = spanS === null ? counted.stepSeconds : counted.steps > 0 ? spanS : 0
  const usage: Usage = {
    workerRequests: counted.requests,
    workerCpuMs: counted.generatedTokens * RATES_MEASURED.gatewayTokenMs,
    objectRequests: counted.requests * OBJECT_REQUESTS_PER_REQUEST + liveS * OBJECT_REQUESTS_PER_LIVE_S + counted.hostCalls / CALLS_PER_SESSION,
    objectSeconds: liveS * liveObjects,
    storageReads: counted.expertLoads,
    storageWrites: 0,
    storageGbMonths: 0,
  }
  const { generatedTokens: tokens, steps } = counted
  return {
    counted,
    spanS,
    liveObjects,
    liveS,
    tokensPerS: liveS > 0 ? tokens / liveS : null,
    meanStepMs: steps > 0 ? (counted.stepSeconds * 1000) / steps : null,
    tokensPerStep: steps > 0 ? tokens / steps : null,
    usage,
    bill: marginalBill(usage, prices),
    perMillionOutput: tokens > 0 ? marginalBill(scaleUsage(usage, 1e6 / tokens), prices) : null,
    month: spanS === null ? null : monthlyBill(scaleUsage(usage, MONTH_S / spanS), prices),
  }
}

/** What was counted between two readings; null where a counter fell: the service began anew. */
export function countedBetween(before: ServiceCounters, after: ServiceCounters): ServiceCounters | null {
  const names = Object.keys(after) as (keyof ServiceCounters)[]
  if (names.some((name) => after[name] < before[name])) return null
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as ServiceCounters
}
