/** One question to the probe worker: what it does, and how much of it. Bounds: PROBE_LIMITS. What each is for: docs/design/probe.md. */
export type ProbeQuestion =
  | { readonly kind: 'sharing'; readonly objects: number }
  | { readonly kind: 'round-trip'; readonly hint: LocationHint | null; readonly calls: number }
  /** Writes the object that `storage` reads. */
  | { readonly kind: 'prepare-storage'; readonly bytes: number }
  | { readonly kind: 'storage'; readonly rangeBytes: number; readonly inFlight: number; readonly reads: number }
  | { readonly kind: 'clean-storage' }
  | { readonly kind: 'compute'; readonly calls: number; readonly passes: number }
  | { readonly kind: 'wasm' }
  | { readonly kind: 'clock'; readonly passes: number }
  | { readonly kind: 'cpu'; readonly calls: number; readonly passes: number }
  | { readonly kind: 'memory'; readonly maxMiB: number }
  /** What became of the request to /hang of that name. */
  | { readonly kind: 'signal'; readonly name: string }

export const LOCATION_HINTS = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const
export type LocationHint = (typeof LOCATION_HINTS)[number]

export const PROBE_LIMITS = {
  objectsMax: 256,
  callsMax: 2000,
  rangeBytesMax: 16 * 1024 * 1024,
  inFlightMax: 4,
  readsMax: 64,
  storageBytesMax: 256 * 1024 * 1024,
  passesMax: 100_000,
  memoryMiBMax: 4096,
  nameChars: 64,
  bodyBytesMax: 4096,
  /** A request to /hang is answered after that, if its client has not left. */
  hangMs: 10_000,
} as const

/** Weights of one pass of compute: a q4 matrix of 27 MiB, which is in no cache. */
export const PASS_ROWS = 49_152
export const PASS_COLS = 1024
export const PASS_WEIGHTS = PASS_ROWS * PASS_COLS

export interface CallTimes {
  readonly calls: number
  /** Clocks have whole milliseconds: only the mean tells what is faster. */
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
}

export interface ProbeAnswers {
  sharing: { readonly objectsOfOneClass: readonly number[]; readonly objectsOfScripts: readonly number[] }
  'round-trip': { readonly callerColo: string | null; readonly calleeColo: string | null; readonly session: CallTimes; readonly stub: CallTimes }
  'prepare-storage': { readonly bytes: number }
  storage: { readonly reads: number; readonly bytesPerS: number; readonly rangeP50Ms: number }
  'clean-storage': Record<never, never>
  /** By the caller's clock, which moves with I/O; the callee's need not. */
  compute: { readonly kernels: string; readonly weightsPerS: number; readonly calls: number }
  wasm: { readonly simd: boolean; readonly relaxedSimd: boolean }
  clock: { readonly ownMs: number; readonly callerMs: number }
  cpu: { readonly callsAnswered: number; readonly callsAsked: number; readonly callerMs: number; readonly brokenBy: string | null }
  memory: { readonly filledMiB: number; readonly askedMiB: number; readonly brokenBy: string | null }
  signal: { readonly fired: boolean; readonly afterMs: number | null }
}

export type ProbeAnswer<K extends ProbeQuestion['kind'] = ProbeQuestion['kind']> = ProbeAnswers[K]
