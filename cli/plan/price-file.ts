import { z } from 'zod'
import { PRICES } from '../../shared/cost/prices.ts'
import type { Prices } from '../../shared/cost/prices.ts'
import { readJsonFile } from '../read-json-file.ts'

const usd = z.number().min(0).max(1e9)
const amount = z.number().min(0).max(1e15)
const text = z.string().min(1).max(256)

/** A table like PRICES of shared/cost: every field, and no others, so that a misspelt price is not the default. SPEC CO1. */
const PriceTable: z.ZodType<Prices> = z.strictObject({
  date: z.iso.date(),
  source: text,
  minimumUsdPerMonth: usd,
  worker: z.strictObject({ requestsIncluded: amount, usdPerMillionRequests: usd, cpuMsIncluded: amount, usdPerMillionCpuMs: usd }),
  object: z.strictObject({
    requestsIncluded: amount,
    usdPerMillionRequests: usd,
    gbSecondsIncluded: amount,
    usdPerMillionGbSeconds: usd,
    gbBilled: z.number().min(0.001).max(1024),
  }),
  storage: z.strictObject({
    gbMonthsIncluded: amount,
    usdPerGbMonth: usd,
    writesIncluded: amount,
    usdPerMillionWrites: usd,
    readsIncluded: amount,
    usdPerMillionReads: usd,
  }),
  yardsticks: z
    .array(
      z.strictObject({
        name: text,
        source: text,
        parametersBillion: z.number().min(0.001).max(1e5),
        activeBillion: z.number().min(0.001).max(1e5),
        usdPerMillionInput: usd,
        usdPerMillionOutput: usd,
      }),
    )
    .max(64),
  gpu: z.strictObject({ name: text, usdPerHour: usd, source: text }).nullable(),
})

const FILE_BYTES_MAX = 256 * 1024

/** The table in a file, or the one that isomoe has. Throws `prices-invalid` naming the field. */
export async function readPrices(path: string | undefined): Promise<Prices> {
  return path === undefined ? PRICES : readJsonFile(path, PriceTable, FILE_BYTES_MAX, 'prices-invalid')
}
