/** One job's rate, in its unit. */
export interface Sample {
  readonly id: string
  readonly unit: 'GB/s' | 'Gweights/s' | 'GMAC/s'
  readonly rate: number
}

/** What the worker answers: every job once. */
export interface Round {
  /** The variant that auto takes here. */
  readonly variant: string
  readonly samples: readonly Sample[]
}
