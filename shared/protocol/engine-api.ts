import type { MoeError } from './errors.ts'
import type { GrammarSpec } from './grammar-api.ts'
import type { Result } from './result.ts'
import type { Tier } from './tiers.ts'

/** How one request samples. temperature 0 is greedy: the lowest id wins a tie. */
export interface SamplingParams {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  /** Unsigned 32-bit. Choice i of a prompt draws from (seed, i, position): no shared state. SPEC NU6. */
  readonly seed: number
}

/** What is done to the logits of a token before temperature and filters; in which order: shared/core/logit-adjustments.ts. SPEC SA1. */
export interface LogitAdjustments {
  /** Taken off once from each token that the continuation has. OpenAI's, −2 to 2; 0: off. */
  readonly presencePenalty: number
  /** Taken off for each time that the continuation has it. OpenAI's, −2 to 2; 0: off. */
  readonly frequencyPenalty: number
  /** Divides the positive and multiplies the negative logits of tokens that prompt or continuation have (CTRL, arXiv 1909.05858, section 4.1), ADJUSTMENT_BOUNDS; 1: off. */
  readonly repetitionPenalty: number
  /** Added. Ids once each, at most LIMITS.logitBiasMax. */
  readonly bias: readonly (readonly [id: number, bias: number])[]
  /** Before the continuation has so many tokens no stop token is chosen; 0: off. */
  readonly minTokens: number
}

/** What adjustments may be, bounds included. Why: docs/design/limits.md. */
export const ADJUSTMENT_BOUNDS = {
  presencePenalty: { min: -2, max: 2 },
  frequencyPenalty: { min: -2, max: 2 },
  repetitionPenalty: { min: 0.01, max: 100 },
  bias: { min: -100, max: 100 },
} as const

/** One generate call: every prompt gets `n` sequences. Choice index = prompt index · n + i. */
export interface GenerateRequest {
  readonly requestId: string
  readonly prompts: readonly (readonly number[])[]
  readonly n: number
  /** New tokens a sequence, never past the context; null: as many as it leaves. 0 only with `echo`. */
  readonly maxTokens: number | null
  readonly sampling: SamplingParams
  /** Null: none. */
  readonly adjustments: LogitAdjustments | null
  /** What the continuation must match, to its stop token; null: anything. */
  readonly grammar: GrammarSpec | null
  /** These end a sequence and are not emitted (the model's eos ids; empty with ignore_eos). */
  readonly stopTokens: readonly number[]
  /** How many alternatives per token; null: no log-probabilities at all. */
  readonly logprobs: number | null
  /** Log-probabilities of the prompt's tokens are wanted too (with `logprobs`). */
  readonly echo: boolean
}

export interface TokenLogprob {
  readonly id: number
  /** Natural log of the model's own probability (temperature and filters not applied); null for the first prompt token. */
  readonly logprob: number | null
  /** Best first; ties go to the lower id. */
  readonly top: readonly (readonly [id: number, logprob: number])[]
}

export type FinishReason = 'stop' | 'length'

/** Of a choice, on the engine's clock. Of one that goes on after a reset: since then. */
export interface PrefillTimes {
  /** From its request to its first step. */
  readonly queueMs: number
  /** From there to its first token. */
  readonly prefillMs: number
}

export interface DecodeTimes {
  /** From its first token to its last. */
  readonly decodeMs: number
  /** Hosts that its tokens were sent to, as indices of the placement's. */
  readonly hosts: readonly number[]
}

/** What the stream of a generate call carries, one JSON object a line, in order per choice. */
export type GenerateEvent =
  /** The prompt is in the KV cache; `cachedTokens` of it were there already. First of a choice, so that one that ends at a stop string has it too. */
  | ({ readonly type: 'prefilled'; readonly index: number; readonly cachedTokens: number } & PrefillTimes)
  | { readonly type: 'prompt'; readonly index: number; readonly tokens: readonly TokenLogprob[] }
  | { readonly type: 'token'; readonly index: number; readonly id: number; readonly logprob: TokenLogprob | null }
  | ({
      readonly type: 'finish'
      readonly index: number
      readonly reason: FinishReason
      readonly promptTokens: number
      readonly completionTokens: number
    } & DecodeTimes)
  | { readonly type: 'error'; readonly error: MoeError }

/** How far the caller of a request is: for each choice the events it received, or null where it wants no more. */
export type Received = readonly (number | null)[]

export interface ModelInfo {
  readonly model: string
  readonly digest: string
  readonly tier: Tier
  /** What the trunk is served at. */
  readonly trunk: Tier
  /** Positions a sequence may have: the model's, or less if the KV budget holds less. */
  readonly contextTokens: number
  readonly vocab: number
}

export type EngineStatus =
  | { readonly state: 'loading'; readonly bytesRead: number; readonly bytesTotal: number }
  | { readonly state: 'ready'; readonly info: ModelInfo }
  | { readonly state: 'failed'; readonly error: MoeError }

export interface HostState {
  readonly host: string
  /** Null until a session is open. */
  readonly isolateId: string | null
  readonly residentBytes: number
  readonly arenaBytes: number
  readonly residentExperts: number
  readonly assignedExperts: number
  /** Since the engine began: calls that were answered, their (token, expert) pairs, the mean of their round trips and the longest, on the engine's side. */
  readonly calls: number
  readonly pairs: number
  readonly meanRttMs: number
  readonly maxRttMs: number
  /** Calls that another replica was asked for too, because this host was late; and failed calls by error code. */
  readonly hedged: number
  readonly faults: Readonly<Record<string, number>>
}

export interface EngineState {
  readonly status: EngineStatus
  readonly isolateId: string
  readonly kernels: string
  /** Steps that may be under way at once. */
  readonly lanes: number
  readonly epoch: number
  /** The oldest epoch that a step still runs on. */
  readonly oldestEpoch: number
  readonly running: number
  readonly waiting: number
  /** Pages that sequences hold. */
  readonly kvPagesUsed: number
  /** Published pages that nobody holds: the prefix cache. */
  readonly kvPagesCached: number
  readonly kvPagesTotal: number
  /** Prompt positions read from the prefix cache since the engine began. */
  readonly cachedTokens: number
  /** How often a sequence gave its pages up and was computed again. */
  readonly preemptions: number
  readonly steps: number
  /** New tokens of all sequences since the engine began. */
  readonly generatedTokens: number
  readonly memoryBytes: number
  readonly hosts: readonly HostState[]
}

/** The counters of an engine that has not begun. */
export const ZERO_COUNTS = {
  running: 0,
  waiting: 0,
  kvPagesUsed: 0,
  kvPagesCached: 0,
  kvPagesTotal: 0,
  cachedTokens: 0,
  preemptions: 0,
  steps: 0,
  generatedTokens: 0,
} as const satisfies Partial<EngineState>

/** The engine's RPC face, as the gateway sees it. `stream` is the NDJSON of GenerateEvent; cancelling it cancels the request. */
export interface EngineApi {
  status(): Promise<EngineStatus>
  state(): Promise<EngineState>
  /** @param have as of `resume`, where an engine that had begun the request has no record of it: those events are made again and not told. */
  generate(request: GenerateRequest, have?: Received): Promise<Result<{ readonly info: ModelInfo; readonly stream: ReadableStream<Uint8Array> }, MoeError>>
  /**
   * Goes on with a request whose stream broke: the events after those that the caller has, the same that the first stream would have carried.
   * An earlier stream of it ends. Errors: `unknown-request` where the engine has no record of it, and those of loading.
   * @param have of each choice the number of events received, null if it is over.
   */
  resume(requestId: string, have: Received): Promise<Result<{ readonly info: ModelInfo; readonly stream: ReadableStream<Uint8Array> }, MoeError>>
  /**
   * Ends one choice (a stop string was seen), or all. Idempotent; unknown ids are fine. The choice's stream gets no further event.
   * For a request that is over it says that nobody will resume it.
   */
  cancel(requestId: string, index: number | null): Promise<void>
}
