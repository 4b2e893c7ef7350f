import type { MeasuredCost } from '../../shared/cost/measured-cost.ts'
import type { Prices } from '../../shared/cost/prices.ts'
import { usd } from '../plan/model-report.ts'
import { formatBytes, formatTable } from '../table.ts'

/** What was counted, what that costs, and what is estimated in it. */
export function describeCost(cost: MeasuredCost, prices: Prices): string {
  const { counted, spanS, liveObjects, liveS, perMillionOutput, bill, month } = cost
  const number = (value: number | null, digits: number, unit: string) => (value === null ? '–' : `${value.toFixed(digits)}${unit}`)
  const facts = [
    ['requests', String(counted.requests)],
    ['prompt tokens', String(counted.promptTokens)],
    ['generated tokens', String(counted.generatedTokens)],
    ['steps', `${counted.steps}, ${number(cost.meanStepMs, 1, ' ms each')}, ${number(cost.tokensPerStep, 2, ' tokens')}`],
    ['tokens/s', number(cost.tokensPerS, 1, '')],
    ['calls to hosts', `${counted.hostCalls}, in sessions: not billed one by one`],
    ['read from R2', `${formatBytes(counted.storageBytes)} in ${counted.expertLoads} loads`],
    ['live objects', `${liveObjects} for ${liveS.toFixed(1)} s`],
  ]
  const lines = ['duration', 'objectRequests', 'workerRequests', 'workerCpu', 'storageOperations', 'total'] as const
  const head = ['USD', spanS === null ? 'so far' : 'span', 'a million tokens', ...(month === null ? [] : ['a month of it'])]
  const rows = lines.map((line) => [
    LINES[line],
    usd(bill[line]),
    perMillionOutput === null ? '–' : usd(perMillionOutput[line]),
    ...(month === null ? [] : [usd(month[line])]),
  ])
  const width = Math.max(...facts.map(([key]) => key!.length))
  return [
    spanS === null ? 'Since the service began to count:' : `In ${spanS.toFixed(1)} s:`,
    ...facts.map(([key, value]) => `${key!.padEnd(width)}  ${value}`),
    '',
    formatTable([head, ...rows]),
    ...(month === null ? ['Objects were live for the time of their steps at least, and longer: a lower bound. --window measures a span.'] : []),
    ...(month === null ? [] : [`The month has the plan's ${usd(prices.minimumUsdPerMonth)} and what it includes; the other columns are beyond that.`]),
    "Estimated, as nothing counts them: the gateway's CPU by the token, calls to objects by the request. Not counted: R2's storage, and its reads of trunk and tokenizer.",
    ...(counted.generatedTokens === 0 ? ['Nothing was generated: there is no price of a token.'] : []),
    `Prices of ${prices.date} (${prices.source}).`,
    '',
  ].join('\n')
}

const LINES = {
  duration: 'duration',
  objectRequests: 'object requests',
  workerRequests: 'worker requests',
  workerCpu: 'worker CPU',
  storageOperations: 'R2 reads',
  total: 'total',
} as const
