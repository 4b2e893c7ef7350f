import { LIMITS } from '../protocol/limits.ts'
import { fail } from '../protocol/errors.ts'
import type { MoeErrorOf } from '../protocol/errors.ts'
import { ok } from '../protocol/result.ts'
import type { Result } from '../protocol/result.ts'
import { monthlyBill } from './bill.ts'
import type { Usage } from './bill.ts'
import { batchRow, liveObjects, OBJECT_REQUESTS_PER_LIVE_S, OBJECT_REQUESTS_PER_REQUEST } from './serving-plan.ts'
import type { BatchRow, ServingInput } from './serving-plan.ts'
import type { StorageUse } from './storage-use.ts'
import { CALLS_PER_SESSION } from '../protocol/session-calls.ts'

/** A month of the expected traffic. */
export interface LoadEstimate {
  readonly requestsPerS: number
  /** Sequences at a time while it works. */
  readonly batch: number
  readonly requestS: number
  /** Share of the month in which objects are live. */
  readonly liveShare: number
  readonly coldStarts: number
  readonly month: ReturnType<typeof monthlyBill>
  readonly outputTokensPerMonth: number
  readonly usdPerMillionOutput: number
}

export interface IdleEstimate {
  readonly liveObjects: 0
  readonly month: ReturnType<typeof monthlyBill>
}

/** Of 30 days. */
export const MONTH_S = 30 * 24 * 3600
const GB = 1e9

/**
 * A month of requests that come independently (Poisson). Busy spans are those of M/G/∞, each stretched by the time that objects stay live without work:
 *   live share = 1 - exp(-requests/s · (request + linger)),   cold starts = requests · exp(-requests/s · (request + linger))
 * The batch is the least that keeps up, at least one. SPEC CO6.
 * @param lingerS how long an object stays live, and billed, after its last work.
 */
export function estimateLoad(input: ServingInput, requestsPerS: number, lingerS: number, storage: StorageUse): Result<LoadEstimate, MoeErrorOf<'over-budget'>> {
  const row = leastBatch(input, requestsPerS)
  if (row.requestsPerS < requestsPerS) {
    const { promptTokens, outputTokens } = input.request
    const perDay = Math.floor(row.requestsPerS * outputTokens * 86400)
    return fail(
      'over-budget',
      `one engine serves at most ${row.requestsPerS.toPrecision(3)} requests/s of ${promptTokens} + ${outputTokens} tokens, ${requestsPerS.toPrecision(3)} are expected: --tokens-per-day ${perDay} would make it possible; several engines are not built`,
      { part: 'load', bytes: Math.ceil(requestsPerS * outputTokens * 86400), budgetBytes: perDay },
    )
  }
  // Little's law where it works at the pace of the load; a batch of one works faster than the load comes.
  const requestS = row.requestS
  const quiet = Math.exp(-requestsPerS * (requestS + lingerS))
  const requests = requestsPerS * MONTH_S
  const liveS = (1 - quiet) * MONTH_S
  const coldStarts = requests * quiet
  const outputTokens = requests * input.request.outputTokens
  const usage: Usage = {
    workerRequests: requests,
    workerCpuMs: outputTokens * input.rates.gatewayTokenMs,
    objectRequests: requests * OBJECT_REQUESTS_PER_REQUEST + liveS * OBJECT_REQUESTS_PER_LIVE_S + (outputTokens * row.callsPerToken) / CALLS_PER_SESSION,
    objectSeconds: liveS * liveObjects(input.deployment),
    storageReads: coldStarts * storage.coldStart.reads,
    storageWrites: 0,
    storageGbMonths: storage.storedBytes / GB,
  }
  const month = monthlyBill(usage, input.prices)
  return ok({
    requestsPerS,
    batch: row.batch,
    requestS,
    liveShare: 1 - quiet,
    coldStarts,
    month,
    outputTokensPerMonth: outputTokens,
    usdPerMillionOutput: (month.total * 1e6) / outputTokens,
  })
}

/** Nothing is called, so nothing is live: what is stored, and the plan's minimum. */
export function estimateIdle({ prices }: Pick<ServingInput, 'prices'>, storage: StorageUse): IdleEstimate {
  const nothing = { workerRequests: 0, workerCpuMs: 0, objectRequests: 0, objectSeconds: 0, storageReads: 0, storageWrites: 0 }
  return { liveObjects: 0, month: monthlyBill({ ...nothing, storageGbMonths: storage.storedBytes / GB }, prices) }
}

function leastBatch(input: ServingInput, requestsPerS: number): BatchRow {
  let row = batchRow(input, 1)
  for (let batch = 2; batch <= LIMITS.runningMax && row.requestsPerS < requestsPerS; batch++) {
    const next = batchRow(input, batch)
    if (next.requestsPerS > row.requestsPerS) row = next
  }
  return row
}
