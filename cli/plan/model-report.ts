import { OTHER_SCRIPTS } from '../../shared/cost/deployment.ts'
import type { Prices, Yardstick } from '../../shared/cost/prices.ts'
import { LIMITS } from '../../shared/protocol/limits.ts'
import { formatBytes, formatCount, formatTable } from '../table.ts'
import type { ModelPlan } from './model-plan.ts'

/** The plan as text: what is needed, what it holds, what it does, what it costs, and against whom. */
export function describeModelPlan(plan: ModelPlan): string {
  return [
    ...(plan.deployment.stages > 1
      ? [`HYPOTHETICAL: the trunk is cut over ${plan.deployment.stages} engines, one after the other. isomoe cannot serve this yet.`, '']
      : []),
    ...plan.warnings.map((warning) => `WARNING: ${warning}.\n`),
    describeModel(plan),
    describeIsolates(plan),
    describeStorage(plan),
    describeRows(plan),
    describeMonths(plan),
    `Prices of ${plan.prices.date} (${plan.prices.source}).`,
    compare(plan),
    '',
  ].join('\n')
}

function describeModel({ model, deployment, request, liveObjects }: ModelPlan): string {
  const { hosts, standby, copyRoom, trunk, stages } = deployment
  const dense = model.layers - model.moeLayers
  const rows = [
    ['model', `${model.name}: ${formatCount(model.parameters)} parameters, ${formatCount(model.activePerToken)} active per token`],
    ['layers', `${model.layers}${dense > 0 ? `, ${dense} of them dense` : ''}; ${model.experts} experts, top ${model.topK}`],
    ['precision', `experts ${request.tier}, trunk ${trunk}`],
    ['hosts', `${hosts}, and ${standby} standby: ${hosts + standby + stages + OTHER_SCRIPTS} of an account's 500 scripts`],
    ['replicas', `one of each expert; room for ${copyRoom.base} copies on the hosts and ${copyRoom.standby} on standbys`],
    ['live objects', `${liveObjects} while it serves, 0 when idle`],
  ]
  return keyed(rows)
}

function describeIsolates({ deployment, request }: ModelPlan): string {
  const { isolates, kvTokens, kvTokenBytes, steps } = deployment
  const table = isolates.map(({ isolate, parts, totalBytes }) => [
    isolate,
    formatBytes(Math.round(totalBytes)),
    formatBytes(LIMITS.isolateBytes),
    Object.entries(parts)
      .map(([part, bytes]) => `${part} ${formatBytes(Math.round(bytes))}`)
      .join(', '),
  ])
  const width = Math.max(...table.map((row) => row[0]!.length))
  const lines = table.map(([isolate, total, budget, parts]) => `${isolate!.padEnd(width)}  ${total!.padStart(9)} of ${budget}: ${parts}\n`)
  return `${lines.join('')}KV: ${kvTokens} positions of all sequences together, ${formatBytes(kvTokenBytes)} each; at most ${steps.running} sequences at a time, ${request.lanes} lanes\n`
}

function describeStorage({ storage, coldHostS }: ModelPlan): string {
  const { coldStart, scaleEvent } = storage
  const seconds = coldHostS === null ? 'how fast is not known: isomoe probe measures it' : `${coldHostS.toFixed(1)} s a host at the probe's throughput`
  return keyed([
    ['R2 stores', formatBytes(storage.storedBytes)],
    ['cold start', `${coldStart.reads} reads, ${formatBytes(coldStart.bytes)} (${formatBytes(Math.round(coldStart.hostBytes))} a host; ${seconds})`],
    ['scale event', `up to ${scaleEvent.experts} copies: ${scaleEvent.reads} reads, ${formatBytes(scaleEvent.bytes)}`],
  ])
}

function describeRows({ rows, rateSources, request }: ModelPlan): string {
  const head = [
    'batch',
    'step ms',
    'waits for',
    'tokens/s',
    'a stream',
    'prompt/s',
    'calls/token',
    '$/M decoded',
    '$/M prompt',
    '$/M output',
    'duration',
    'requests',
    'CPU',
  ]
  const table = formatTable([
    head,
    ...rows.map(({ batch, running, step, decodeTokensPerS, prefillTokensPerS, callsPerToken, perMillionOutput: bill, ...row }) => [
      running < batch ? `${batch} (${running} fit)` : String(batch),
      step.roundMs.toFixed(1),
      step.limit,
      rate(decodeTokensPerS),
      rate(decodeTokensPerS / running),
      rate(prefillTokensPerS),
      callsPerToken.toFixed(1),
      usd(row.usdPerMillionDecoded),
      usd(row.usdPerMillionPrompt),
      usd(bill.total),
      usd(bill.duration),
      usd(bill.objectRequests + bill.workerRequests),
      usd(bill.workerCpu),
    ]),
  ])
  const { promptTokens, outputTokens } = request.request
  return [
    table,
    `Busy all the time; $/M output has everything of requests of ${promptTokens} + ${outputTokens} tokens, prompts included, beyond what the plan includes.`,
    `Transport: RPC sessions, whose calls are not billed one by one; hosts are called as "calls/token" says. Routing is taken as even: copies of hot experts make it so.`,
    `Billed requests for a million output tokens: ${range(rows.map((row) => row.usagePerMillionOutput.workerRequests))} to the gateway, ${range(rows.map((row) => row.usagePerMillionOutput.objectRequests))} to objects.`,
    `Rates: ${rateSources.join('; ')}.${request.local ? ' One thread for all, as isomoe dev has it.' : ''}`,
    '',
  ].join('\n')
}

function describeMonths({ load, idle, request, prices }: ModelPlan): string {
  const lines = [['idle month', `${usd(idle.month.total)}: ${usd(idle.month.minimum)} minimum, ${usd(idle.month.storage)} storage, no live object`]]
  if (load !== null) {
    const { month } = load
    const parts = [
      `${usd(month.minimum)} minimum`,
      `${usd(month.duration)} duration`,
      `${usd(month.objectRequests + month.workerRequests)} requests`,
      `${usd(month.workerCpu)} CPU`,
      `${usd(month.storageOperations + month.storage)} R2`,
    ]
    lines.push(
      [
        'expected',
        `${load.requestsPerS.toPrecision(3)} requests/s, ${formatCount(load.outputTokensPerMonth)} output tokens a month; batch ${load.batch}, ${load.requestS.toFixed(1)} s a request`,
      ],
      [
        '',
        `live ${(100 * load.liveShare).toFixed(1)} % of the time (objects stay ${request.lingerS} s after work), ${Math.round(load.coldStarts)} cold starts`,
      ],
      ['month', `${usd(month.total)}: ${parts.join(', ')}`],
      ['', `${usd(load.usdPerMillionOutput)} for a million output tokens`],
    )
    if (prices.gpu !== null)
      lines.push(['rented GPU', `${usd(prices.gpu.usdPerHour * 720)} a month for ${prices.gpu.name}, busy or not (${prices.gpu.source})`])
  }
  return keyed(lines)
}

/** The last line: against the same kind of model by the token, where the table has one. */
function compare({ model, prices, rows, request, load }: ModelPlan): string {
  const peer = comparable(model, prices)
  if (peer === null) return 'No model of this size has a price by the token in the table: nothing to compare with.'
  const { promptTokens, outputTokens } = request.request
  const theirs = peer.usdPerMillionOutput + (peer.usdPerMillionInput * promptTokens) / outputTokens
  const best = rows.reduce((least, row) => (row.perMillionOutput.total < least.perMillionOutput.total ? row : least))
  const ours = load?.usdPerMillionOutput ?? best.perMillionOutput.total
  const how = load === null ? `at batch ${best.batch}, busy all the time` : 'for the expected load'
  const verdict =
    ours > theirs ? `isomoe costs ${(ours / theirs).toPrecision(2)} times as much` : `isomoe costs ${((100 * ours) / theirs).toPrecision(2)} % of it`
  return `${peer.name}: ${usd(theirs)} for a million output tokens with their prompts; here ${usd(ours)} ${how}: ${verdict}.`
}

const SIZE_TOLERANCE = 0.25

function comparable({ parameters, activePerToken }: ModelPlan['model'], { yardsticks }: Prices): Yardstick | null {
  const near = (a: number, b: number) => Math.abs(a / b - 1) <= SIZE_TOLERANCE
  return yardsticks.find((peer) => near(parameters / 1e9, peer.parametersBillion) && near(activePerToken / 1e9, peer.activeBillion)) ?? null
}

function keyed(rows: readonly (readonly string[])[]): string {
  const width = Math.max(...rows.map(([key]) => key!.length))
  return rows.map(([key, value]) => `${key!.padEnd(width)}  ${value}\n`).join('')
}

/** The least and the most of them, in whole numbers. */
function range(amounts: readonly number[]): string {
  const [least, most] = [Math.min(...amounts), Math.max(...amounts)].map((amount) => formatCount(Math.round(amount)))
  return least === most ? least! : `${least} to ${most}`
}

function rate(perS: number): string {
  return perS >= 100 ? perS.toFixed(0) : perS.toPrecision(2)
}

export function usd(amount: number): string {
  if (amount === 0) return '$0'
  return amount >= 0.1 ? `$${amount.toFixed(2)}` : `$${amount.toPrecision(2)}`
}
