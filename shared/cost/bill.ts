import { objectSecondUsd } from './prices.ts'
import type { Prices } from './prices.ts'

/** What is billed, in amounts. Of any span: of a month where included amounts count. */
export interface Usage {
  readonly workerRequests: number
  readonly workerCpuMs: number
  readonly objectRequests: number
  /** Live Durable Objects times seconds. */
  readonly objectSeconds: number
  readonly storageReads: number
  readonly storageWrites: number
  readonly storageGbMonths: number
}

/** USD, line by line. */
export interface Bill {
  readonly duration: number
  readonly objectRequests: number
  readonly workerRequests: number
  readonly workerCpu: number
  readonly storageOperations: number
  readonly storage: number
  readonly total: number
}

/** What usage costs at the margin: after everything that the plan includes is used up. SPEC CO2. */
export function marginalBill(usage: Usage, prices: Prices): Bill {
  const { worker, object, storage } = prices
  return withTotal({
    duration: usage.objectSeconds * objectSecondUsd(prices),
    objectRequests: millions(usage.objectRequests) * object.usdPerMillionRequests,
    workerRequests: millions(usage.workerRequests) * worker.usdPerMillionRequests,
    workerCpu: millions(usage.workerCpuMs) * worker.usdPerMillionCpuMs,
    storageOperations: millions(usage.storageReads) * storage.usdPerMillionReads + millions(usage.storageWrites) * storage.usdPerMillionWrites,
    storage: usage.storageGbMonths * storage.usdPerGbMonth,
  })
}

/** What a month costs: each amount beyond what is included, and the plan's minimum, which every bill has. SPEC CO2. */
export function monthlyBill(usage: Usage, prices: Prices): Bill & { readonly minimum: number } {
  const { worker, object, storage } = prices
  const beyond = marginalBill(
    {
      workerRequests: excess(usage.workerRequests, worker.requestsIncluded),
      workerCpuMs: excess(usage.workerCpuMs, worker.cpuMsIncluded),
      objectRequests: excess(usage.objectRequests, object.requestsIncluded),
      objectSeconds: excess(usage.objectSeconds, object.gbSecondsIncluded / object.gbBilled),
      storageReads: excess(usage.storageReads, storage.readsIncluded),
      storageWrites: excess(usage.storageWrites, storage.writesIncluded),
      storageGbMonths: excess(usage.storageGbMonths, storage.gbMonthsIncluded),
    },
    prices,
  )
  return { ...beyond, minimum: prices.minimumUsdPerMonth, total: beyond.total + prices.minimumUsdPerMonth }
}

/** Usage of `times` such spans. Storage is by the month already. */
export function scaleUsage(usage: Usage, times: number): Usage {
  const scaled = Object.entries(usage).map(([name, amount]: [string, number]) => [name, name === 'storageGbMonths' ? amount : amount * times])
  return Object.fromEntries(scaled) as Usage
}

function withTotal(lines: Omit<Bill, 'total'>): Bill {
  return { ...lines, total: Object.values(lines).reduce((sum, usd) => sum + usd, 0) }
}

function millions(amount: number): number {
  return amount / 1e6
}

function excess(amount: number, included: number): number {
  return Math.max(0, amount - included)
}
