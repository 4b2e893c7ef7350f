/** Prices of Cloudflare's paid plan in USD, and what the plan's monthly price includes. `isomoe plan --prices FILE` reads the same shape. */
export interface Prices {
  /** When they were read, and where. */
  readonly date: string
  readonly source: string
  readonly minimumUsdPerMonth: number
  readonly worker: {
    readonly requestsIncluded: number
    readonly usdPerMillionRequests: number
    readonly cpuMsIncluded: number
    readonly usdPerMillionCpuMs: number
  }
  readonly object: {
    readonly requestsIncluded: number
    readonly usdPerMillionRequests: number
    readonly gbSecondsIncluded: number
    readonly usdPerMillionGbSeconds: number
    /** What an object counts as, whatever it uses. */
    readonly gbBilled: number
  }
  readonly storage: {
    readonly gbMonthsIncluded: number
    readonly usdPerGbMonth: number
    /** R2 class A. */
    readonly writesIncluded: number
    readonly usdPerMillionWrites: number
    /** R2 class B: one range read is one. */
    readonly readsIncluded: number
    readonly usdPerMillionReads: number
  }
  /** The same kind of model by the token, from somebody who has it loaded already. */
  readonly yardsticks: readonly Yardstick[]
  /** A rented machine, by the hour, busy or not. Null: none to compare with. */
  readonly gpu: { readonly name: string; readonly usdPerHour: number; readonly source: string } | null
}

export interface Yardstick {
  readonly name: string
  readonly source: string
  readonly parametersBillion: number
  readonly activeBillion: number
  readonly usdPerMillionInput: number
  readonly usdPerMillionOutput: number
}

/** The one table. Whoever computes a cost reads it here. */
export const PRICES: Prices = {
  date: '2026-07-07',
  source: 'developers.cloudflare.com: pricing of Workers, Durable Objects, R2 and Workers AI',
  minimumUsdPerMonth: 5,
  worker: { requestsIncluded: 10e6, usdPerMillionRequests: 0.3, cpuMsIncluded: 30e6, usdPerMillionCpuMs: 0.02 },
  object: { requestsIncluded: 1e6, usdPerMillionRequests: 0.15, gbSecondsIncluded: 400_000, usdPerMillionGbSeconds: 12.5, gbBilled: 0.128 },
  storage: {
    gbMonthsIncluded: 10,
    usdPerGbMonth: 0.015,
    writesIncluded: 1e6,
    usdPerMillionWrites: 4.5,
    readsIncluded: 10e6,
    usdPerMillionReads: 0.36,
  },
  yardsticks: [
    {
      name: 'Workers AI @cf/qwen/qwen3-30b-a3b-fp8',
      source: 'developers.cloudflare.com/workers-ai/platform/pricing',
      parametersBillion: 30.5,
      activeBillion: 3.3,
      usdPerMillionInput: 0.051,
      usdPerMillionOutput: 0.335,
    },
  ],
  gpu: { name: 'an A100 80 GB from a specialised provider', usdPerHour: 1.3, source: 'mercatus-ai.com/blog/cloud-gpu-pricing, May 2026: $1.10 to $1.50' },
}

/** One Durable Object that is live for a second. Its CPU time is not billed beside it. */
export function objectSecondUsd({ object }: Prices): number {
  return (object.usdPerMillionGbSeconds / 1e6) * object.gbBilled
}

export function storageReadUsd({ storage }: Prices): number {
  return storage.usdPerMillionReads / 1e6
}
