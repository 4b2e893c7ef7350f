/** Every bound in one place, the unit last in the name. Why each number: docs/design/limits.md. */
export const MIB = 1024 * 1024

export const LIMITS = {
  /** Of each prompt's text, in a deployment that logs prompts. */
  loggedPromptChars: 8192,
  /** HTTP request body. */
  bodyBytesMax: 4 * MIB,
  /** What is read and dropped of a refused request's body, so that its sender sees the refusal. */
  bodyRestBytesMax: 12 * MIB,
  bodyRestMs: 2000,
  /** HTTP request: headers, their names and values together, and the URL. */
  headersMax: 100,
  headerBytesMax: 32 * 1024,
  urlCharsMax: 2048,
  /** A list of keys, as the platform bounds a secret; a key's name; a key that a client presents; a number among a key's limits. */
  keyListBytesMax: 5 * 1024,
  keyNameChars: 64,
  keyChars: 256,
  keyLimitMax: 1e9,
  /** Requests of one key under way at once, whatever its own limits say. */
  keyLeasesMax: 512,
  /** How long the limiter believes in a request of which it hears nothing, and how often it hears of one. */
  leaseMs: 90_000,
  leaseRenewMs: 30_000,
  limiterCallMs: 5000,
  corsOriginsMax: 32,
  /** Prompts in one completion request, and prompts × n sequences. */
  promptsMax: 64,
  sequencesMax: 64,
  nMax: 16,
  stopStringsMax: 4,
  stopStringChars: 256,
  logprobsMax: 20,
  /** Tokens with a bias, and tokens that end a sequence, of one request. */
  logitBiasMax: 1024,
  stopTokensMax: 128,
  /** Tools of a request, and the names of tools and of their calls. */
  toolsMax: 128,
  toolNameChars: 64,
  toolCallIdChars: 256,
  /** Characters of all texts of a request together: encoding takes time. */
  promptCharsMax: 1 << 18,
  /** Log-probabilities, alternatives included, that one answer holds at once: all of them, or the echoed prompts of a stream. */
  logprobEntriesMax: 1 << 17,
  messagesMax: 2048,
  /** Parts of one message's content; entries of a request's metadata, where they are repeated. */
  contentPartsMax: 4096,
  metadataMax: 16,
  /** One RPC message. The platform refuses 32 MiB; ours are smaller, because sender and receiver hold copies. */
  frameBytesMax: 8 * MIB,
  frameTokensMax: 1024,
  framePairsMax: 16384,
  /** One range read of R2, how many of an isolate are under way, and how much of each is in memory at a time. */
  readBytesMax: 16 * MIB,
  readsInFlight: 4,
  chunkBytes: MIB,
  /** The same of a copy that the autoscaler ordered: a host that grows while it serves holds little beside the new experts. */
  copyPartBytes: 64 * 1024,
  /** Experts of one order that are copied at a time, and experts that an order may name. */
  copiesInFlight: 2,
  orderExpertsMax: 1024,
  /** Bytes of expert weights on one host; of everything in one isolate. */
  hostArenaBytes: 84 * MIB,
  isolateBytes: 110 * MIB,
  /** What no plan may use: the script's own heap, and range reads or frames under way. */
  scriptHeapBytes: 14 * MIB,
  transferBytes: 8 * MIB,
  manifestBytesMax: 8 * MIB,
  tokenizerBytesMax: 32 * MIB,
  tokenizerConfigBytesMax: 4 * MIB,
  /** A tokenizer.json above this is packed as tokenizer.bin too, and read from there. */
  tokenizerJsonReadBytesMax: 4 * MIB,
  /** Merges of a tokenizer, and UTF-16 units of one entry. */
  mergesMax: 1 << 21,
  tokenUnitsMax: 4096,
  chatTemplateBytesMax: MIB,
  /** One rendering of a chat template: its work, its longest text, output included, and how deep it is nested. */
  templateStepsMax: 1_000_000,
  templateCharsMax: MIB,
  templateDepthMax: 200,
  /** Variables that a request gives the template, and characters of a name or value. */
  templateVariablesMax: 16,
  templateVariableChars: 256,
  layersMax: 512,
  expertsMax: 4096,
  hiddenMax: 65536,
  vocabMax: 1 << 20,
  contextMax: 1 << 20,
  topKMax: 64,
  hostsMax: 480,
  scriptsMax: 500,
  scriptGzipBytesMax: 10_000_000,
  /** Sequences that one engine runs at once, and that may wait. */
  runningMax: 64,
  waitingMax: 256,
  /** Tokens of the prompts that wait. One request alone may have more: its body is bounded. */
  waitingTokensMax: 1 << 19,
  /** Steps of an engine that are under way at once. */
  lanesMax: 8,
  /** Emulated round trip of a call to a host. */
  rttMsMax: 1000,
  /** Scale events that the autoscaler keeps. */
  scaleEventsKept: 64,
  /** Experts that one manual plan names. */
  scaleExpertsMax: 1024,
  /** Bytes of scale events that a listener leaves unread; one that leaves more is ended and may come again from where it was. */
  eventBytesMax: MIB,
  /** Listeners of scale events, and engines, of one autoscaler. */
  eventListenersMax: 32,
  enginesMax: 64,
  /** Name of an engine, and of its isolate. */
  engineNameChars: 128,
  /** Control calls of the autoscaler under way at once, and hosts that it copies to at once. */
  controlCallsMax: 8,
  copyHostsMax: 4,
  /** Hosts that one scrape of the metrics asks for their counters. */
  scrapeHostsMax: 32,
  /** Emulated rate of a host, in weights a second. */
  hostRateMin: 100_000,
  hostRateMax: 1e12,
  /** Events of one request that the gateway has not taken. */
  unreadBytesMax: 4 * MIB,
  /** Characters of a streamed answer that its client leaves unread in the gateway, how long so many may wait, and how long any. */
  unreadCharsMax: 512 * 1024,
  unreadGraceMs: 2_000,
  unreadMsMax: 60_000,
  /** The engine's journal: requests, writes and bytes that it holds, and bytes of the one request that it takes. */
  journalRequestsMax: 1024,
  journalBatchesMax: 1 << 16,
  journalBytesMax: 64 * MIB,
  journalRequestBytesMax: MIB,
  /** How long after a reset, or after its stream broke, a request can be resumed. */
  journalKeepMs: 120_000,
  /** A schema that shall be enforced: its text, its nesting, its values, those of one enum, properties of one object that may be left out, counts of its repetitions, code points of its strings; and its grammar. */
  schemaCharsMax: 128 * 1024,
  schemaDepthMax: 48,
  schemaValuesMax: 8192,
  schemaEnumMax: 1000,
  schemaOptionalMax: 64,
  schemaRepeatsMax: 1024,
  schemaStringLengthMax: 512,
  grammarCharsMax: 512 * 1024,
  /** Compiled grammars that are kept, and their characters; memory of the instance that holds them; sequences that follow one, and how long one may stay silent. */
  grammarsCompiledMax: 64,
  grammarsCharsMax: 2 * MIB,
  grammarMemoryBytes: 56 * MIB,
  grammarSessionsMax: 512,
  grammarIdleMs: 15 * 60_000,
  /** `isomoe load`: what it plans, what it keeps open, and what it takes from a server it knows nothing of. */
  loadRequestsMax: 250_000,
  loadDurationSMax: 24 * 3600,
  loadConnectionsMax: 4096,
  loadAnswerBytesMax: 32 * MIB,
  loadEventCharsMax: MIB,
  loadErrorBodyBytes: 16 * 1024,
  loadErrorCodesMax: 64,
  loadScaleEventsMax: 1024,
  loadFileBytesMax: 64 * MIB,
  loadPhasesMax: 256,
  loadDomainsMax: 64,
  loadPromptsMax: 10_000,
  loadNameChars: 256,
} as const
