/** Every bound in one place, the unit last in the name. Why each number: docs/design/limits.md. */
const MiB = 1024 * 1024

export const LIMITS = {
  /** HTTP request body. */
  bodyBytesMax: 4 * MiB,
  /** Prompts in one completion request, and prompts × n sequences. */
  promptsMax: 64,
  sequencesMax: 64,
  nMax: 16,
  stopStringsMax: 4,
  stopStringChars: 256,
  logprobsMax: 20,
  messagesMax: 2048,
  /** One RPC message: the platform refuses 32 MiB, header included. */
  frameBytesMax: 31 * MiB,
  frameTokensMax: 1024,
  framePairsMax: 16384,
  chunkBytes: 4 * MiB,
  rangesInFlight: 4,
  /** Bytes of expert weights on one host; of everything in one isolate. */
  hostArenaBytes: 84 * MiB,
  isolateBytes: 110 * MiB,
  /** Heap of the script itself, V8 included, that no plan may use. */
  scriptHeapBytes: 14 * MiB,
  manifestBytesMax: 32 * MiB,
  tokenizerBytesMax: 32 * MiB,
  tokenizerConfigBytesMax: 4 * MiB,
  chatTemplateBytesMax: MiB,
  layersMax: 512,
  expertsMax: 4096,
  hiddenMax: 65536,
  vocabMax: 1 << 20,
  contextMax: 1 << 20,
  topKMax: 64,
  hostsMax: 480,
  /** Sequences that one engine runs at once, and that may wait. */
  runningMax: 64,
  waitingMax: 256,
  /** Positions of one KV page. */
  pagePositions: 16,
} as const
