import type { ModelSpec } from '../core/model-spec.ts'
import { LIMITS } from '../protocol/limits.ts'
import { CALLS_PER_SESSION } from '../protocol/session-calls.ts'
import type { Tier } from '../protocol/tiers.ts'
import { marginalBill } from './bill.ts'
import type { Bill, Usage } from './bill.ts'
import type { Deployment } from './deployment.ts'
import type { Prices } from './prices.ts'
import type { ServingRates } from './rates.ts'
import { estimateStep } from './step-time.ts'
import type { StepEstimate, StepModel } from './step-time.ts'

/** A request of the expected traffic. */
export interface RequestShape {
  readonly promptTokens: number
  readonly outputTokens: number
}

export interface ServingInput {
  readonly spec: ModelSpec
  readonly tier: Tier
  readonly deployment: Deployment
  readonly lanes: number
  readonly rates: ServingRates
  readonly prices: Prices
  readonly request: RequestShape
  readonly oneThread: boolean
}

/** A service that is busy all the time with `batch` sequences. */
export interface BatchRow {
  readonly batch: number
  /** Sequences that run at once: fewer where KV or steps hold no more. */
  readonly running: number
  readonly step: StepEstimate
  readonly decodeTokensPerS: number
  readonly prefillTokensPerS: number
  /** Requests a second, prompts included, and output tokens of them. */
  readonly requestsPerS: number
  readonly outputTokensPerS: number
  /** From a request's start to its last token. */
  readonly requestS: number
  /** Calls of the engine to hosts for one output token. In sessions, they are not billed. */
  readonly callsPerToken: number
  /** Of a million output tokens, their prompts included. */
  readonly usagePerMillionOutput: Usage
  /** What that costs at the margin. */
  readonly perMillionOutput: Bill
  /** Of that, what a million prompt tokens and a million output tokens cost in duration. */
  readonly usdPerMillionPrompt: number
  readonly usdPerMillionDecoded: number
}

/** Objects that are live beside hosts and engines while requests come: the autoscaler, and the limiter of the key that is used. */
export const OTHER_OBJECTS = 2

/** Objects that are live while it serves. The gateway is a Worker. */
export function liveObjects({ hosts, stages }: Pick<Deployment, 'hosts' | 'stages'>): number {
  return hosts + stages + OTHER_OBJECTS
}

/** Billed calls of one request to objects: the gateway's generate call, and taking and settling a key's limits. */
export const OBJECT_REQUESTS_PER_REQUEST = 3
/** Billed in each live second beside them: the autoscaler's alarm and the engine's report, one each in a window of 2 s. */
export const OBJECT_REQUESTS_PER_LIVE_S = 1

/** What serving costs with `batch` sequences at a time, without a pause. SPEC CO5. */
export function batchRow(input: ServingInput, batch: number): BatchRow {
  const { deployment, request, rates, prices } = input
  const sequenceTokens = request.promptTokens + request.outputTokens
  const running = Math.max(1, Math.min(batch, deployment.steps.running, LIMITS.runningMax, Math.floor(deployment.kvTokens / sequenceTokens)))
  const model = stepModel(input)
  const step = estimateStep(model, { tokens: running, context: request.promptTokens + request.outputTokens / 2, logits: running })
  const prefill = estimatePrefill(model, input)
  const requestsPerS = 1 / (request.promptTokens / prefill.tokensPerS + request.outputTokens / step.tokensPerS)
  const outputTokensPerS = requestsPerS * request.outputTokens
  const objects = liveObjects(deployment)
  const seconds = 1e6 / outputTokensPerS
  const steps = { prompt: request.promptTokens / prefill.tokensPerS, output: request.outputTokens / step.tokensPerS }
  const callsPerToken = step.callsPerRound / running
  const usage: Usage = {
    workerRequests: 1e6 / request.outputTokens,
    workerCpuMs: 1e6 * rates.gatewayTokenMs,
    objectRequests:
      (1e6 / request.outputTokens) * OBJECT_REQUESTS_PER_REQUEST + seconds * OBJECT_REQUESTS_PER_LIVE_S + (1e6 * callsPerToken) / CALLS_PER_SESSION,
    objectSeconds: objects * seconds,
    storageReads: 0,
    storageWrites: 0,
    storageGbMonths: 0,
  }
  const bill = marginalBill(usage, prices)
  const usdPerSecond = bill.duration / seconds
  return {
    batch,
    running,
    step,
    decodeTokensPerS: step.tokensPerS,
    prefillTokensPerS: prefill.tokensPerS,
    requestsPerS,
    outputTokensPerS,
    requestS: running / requestsPerS,
    callsPerToken,
    usagePerMillionOutput: usage,
    perMillionOutput: bill,
    usdPerMillionPrompt: (usdPerSecond * steps.prompt * 1e6) / request.promptTokens,
    usdPerMillionDecoded: (usdPerSecond * steps.output * 1e6) / request.outputTokens,
  }
}

/** A full chunk in every lane, in the middle of the prompt. */
function estimatePrefill(model: StepModel, { deployment, lanes, request }: ServingInput): StepEstimate {
  const chunk = Math.min(deployment.steps.chunk, request.promptTokens)
  const tokens = Math.max(1, Math.min(lanes, Math.floor(request.promptTokens / chunk))) * chunk
  return estimateStep({ ...model, lanes: Math.round(tokens / chunk) }, { tokens, context: request.promptTokens / 2, logits: 0 })
}

function stepModel({ spec, tier, deployment, rates, lanes, oneThread }: ServingInput): StepModel {
  return { spec, tier, trunk: deployment.trunk, placement: deployment.placement, rates, lanes, stages: deployment.stages, oneThread }
}
