import { moeLayers } from '../../shared/core/model-spec.ts'
import { countParameters } from '../../shared/core/parameter-count.ts'
import { estimateIdle, estimateLoad } from '../../shared/cost/expected-load.ts'
import type { IdleEstimate, LoadEstimate } from '../../shared/cost/expected-load.ts'
import { liveObjects, batchRow } from '../../shared/cost/serving-plan.ts'
import type { BatchRow, RequestShape } from '../../shared/cost/serving-plan.ts'
import type { Prices } from '../../shared/cost/prices.ts'
import { RATES_MEASURED } from '../../shared/cost/rates.ts'
import type { ServingRates } from '../../shared/cost/rates.ts'
import { planOrRemedy } from '../../shared/cost/remedy.ts'
import type { Deployment } from '../../shared/cost/deployment.ts'
import { storageUse } from '../../shared/cost/storage-use.ts'
import type { StorageUse } from '../../shared/cost/storage-use.ts'
import { expertMatrices } from '../../shared/core/tensors.ts'
import type { Tier, TrunkPrecision } from '../../shared/protocol/tiers.ts'
import { CliError, unwrap } from '../errors.ts'
import type { ProbeFindings, ProbeResult } from '../probe/probe-result.ts'
import type { PlanSource } from './plan-source.ts'

export interface ModelPlanRequest {
  readonly tier: Tier
  readonly trunk: TrunkPrecision
  readonly lanes: number
  /** Null: what a request needs. */
  readonly context: number | null
  readonly hosts: number | null
  readonly standby: number
  readonly batches: readonly number[]
  readonly request: RequestShape
  /** Null: no month is reckoned. */
  readonly requestsPerS: number | null
  readonly lingerS: number
  /** Null: the probe's, or what is assumed. */
  readonly rttMs: number | null
  /** Weights a second of an isolate at the served tier. Null: the probe's, or what was measured. */
  readonly rate: number | null
  readonly prices: Prices
  readonly probe: ProbeResult | null
  /** Predict `isomoe dev`: one thread, no network. */
  readonly local: boolean
  readonly hypothetical: boolean
}

/** `isomoe plan --model --json`. Bytes and USD. */
export interface ModelPlan {
  readonly model: {
    readonly name: string
    readonly parameters: number
    readonly activePerToken: number
    readonly layers: number
    readonly moeLayers: number
    readonly experts: number
    readonly topK: number
  }
  readonly request: Omit<ModelPlanRequest, 'prices' | 'probe'>
  /** Rates of the prediction, and where each comes from. */
  readonly rates: ServingRates
  readonly rateSources: readonly string[]
  /** What the probe found that this plan does not reckon with. */
  readonly warnings: readonly string[]
  readonly transport: 'sessions'
  readonly deployment: Omit<Deployment, 'placement'>
  readonly liveObjects: number
  readonly storage: StorageUse
  /** Loading all that a host holds at the probe's throughput; null where it is not known. */
  readonly coldHostS: number | null
  readonly rows: readonly BatchRow[]
  readonly load: LoadEstimate | null
  readonly idle: IdleEstimate
  readonly prices: Prices
}

/** Plans what would serve a model, and what that costs. Throws `over-budget` with the change that would make it possible. SPEC CO3 to CO7. */
export function planModel(source: PlanSource, request: ModelPlanRequest): ModelPlan {
  const { spec } = source
  const { tier, prices, lanes } = request
  if (!source.tiers.includes(tier)) throw new CliError('tier-missing', `the pack has no tier ${tier}, only ${source.tiers.join(', ')}`)
  const sequence = request.request.promptTokens + request.request.outputTokens
  const context = request.context ?? sequence
  if (context > spec.context) throw new CliError('invalid-request', `${context} positions are more than the model's context of ${spec.context}`)
  if (sequence > context) throw new CliError('invalid-request', `a request of ${sequence} tokens is longer than the context of ${context}`)
  const hypotheticalTokens = request.hypothetical ? Math.max(context, sequence * Math.max(...request.batches)) : null
  const input = { ...request, spec, context, hypotheticalTokens, tokenizerBytes: source.tokenizerBytes }
  const deployment = unwrap(planOrRemedy(input, { tiers: source.tiers, contextMin: sequence }))
  const { rates, rateSources } = chooseRates(source, request, deployment)
  const serving = { spec, tier, deployment, lanes, rates, prices, request: request.request, oneThread: request.local }
  const storage = storageUse(spec, tier, deployment, source.manifest)
  const { prices: _prices, probe: _probe, ...asked } = request
  const { placement: _placement, ...shape } = deployment
  const throughput = Math.max(0, ...(platformFindings(request)?.storage ?? []).map(({ bytesPerS }) => bytesPerS))
  const { total, activePerToken } = countParameters(spec)
  return {
    model: {
      name: source.name,
      parameters: total,
      activePerToken,
      layers: spec.layers.length,
      moeLayers: moeLayers(spec).length,
      experts: spec.router.experts,
      topK: spec.router.topK,
    },
    request: { ...asked, context },
    rates,
    rateSources,
    warnings: probeWarnings(request),
    transport: 'sessions',
    deployment: shape,
    liveObjects: liveObjects(deployment),
    storage,
    coldHostS: throughput > 0 ? storage.coldStart.hostBytes / throughput : null,
    rows: request.batches.map((batch) => batchRow(serving, batch)),
    load: request.requestsPerS === null ? null : unwrap(estimateLoad(serving, request.requestsPerS, request.lingerS, storage)),
    idle: estimateIdle({ prices }, storage),
    prices,
  }
}

/** An option wins over the probe, the probe over what was measured or is assumed. */
function chooseRates({ spec }: PlanSource, request: ModelPlanRequest, { expertBytes }: Deployment) {
  const { probe, local } = request
  const weights = expertMatrices(spec).reduce((sum, { rows, cols }) => sum + rows * cols, 0)
  const probed = platformFindings(request)
    ?.roundTrips?.map(({ session }) => session.meanMs)
    .toSorted((a, b) => a - b)[0]
  const from = probe === null ? '' : `${probe.where} probe of ${probe.date.slice(0, 10)}`
  const [rttMs, rttSource] =
    request.rttMs !== null
      ? [request.rttMs, '--rtt-ms']
      : local
        ? [0, 'one process']
        : probed !== undefined
          ? [probed, from]
          : [RATES_MEASURED.rttMs, 'assumed: isomoe probe measures it']
  const compute = probe?.findings.compute
  const [readBytesPerS, readSource] =
    request.rate !== null
      ? [(request.rate * expertBytes) / weights, '--rate']
      : compute
        ? [compute.weightsPerS * Q4_BYTES, from]
        : [RATES_MEASURED.readBytesPerS, 'measured on an AMD EPYC (Zen 5), not on Cloudflare']
  return {
    rates: { ...RATES_MEASURED, rttMs, readBytesPerS },
    rateSources: [`round trip ${rttMs} ms (${rttSource})`, `an isolate reads ${(readBytesPerS / 1e9).toPrecision(3)} GB of weights a second (${readSource})`],
  }
}

/** What a probe says of network, storage and isolates, where it ran on what is planned: one in workerd knows nothing of the platform. */
function platformFindings({ probe, local }: ModelPlanRequest): ProbeFindings | null {
  return probe !== null && (probe.where === 'local') === local ? probe.findings : null
}

/** A plan takes each host for an isolate of its own. */
function probeWarnings(request: ModelPlanRequest): string[] {
  if (request.probe?.where === 'local' && !request.local)
    return ['the probe ran in workerd on a machine: of it only the speed is taken, and isomoe probe --deploy asks the platform']
  const counts = platformFindings(request)?.sharing?.objectsOfScripts ?? []
  const scripts = counts.reduce((sum, count) => sum + count, 0)
  if (scripts <= counts.length) return []
  return [`in the probe ${scripts} scripts shared ${counts.length} isolates: hosts in one isolate are one host, with one host's memory and speed`]
}

/** Of a weight at q4, its scale included: what the probe's matrix has. */
const Q4_BYTES = 0.5625
