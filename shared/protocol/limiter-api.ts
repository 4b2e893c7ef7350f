import type { KeyLimits } from './key-list.ts'

/** Those limits of a key that are counted. */
export type RateLimits = Pick<KeyLimits, 'requestsPerMin' | 'tokensPerMin' | 'concurrent'>

/** What a request asks of its key. */
export interface Wanted {
  /** Names the request until it is settled; null: it generates nothing and is over at once. */
  readonly lease: string | null
  /** Most tokens that it can use, prompt included. */
  readonly tokens: number
}

/** How one limit stands. */
export interface LimitLevel {
  readonly limit: number
  readonly remaining: number
  /** Until all of it is free again, if nothing more is asked and what is under way uses all that it reserved and ends now. */
  readonly resetMs: number
}

/** Null levels: the key has no such limit. */
export interface LimitLevels {
  readonly requests: LimitLevel | null
  readonly tokens: LimitLevel | null
}

export type Admission =
  | { readonly kind: 'admitted'; readonly levels: LimitLevels }
  /** After `retryAfterMs` the same request is admitted if nothing else was meanwhile, and nothing that is under way stands in its way. */
  | { readonly kind: 'refused'; readonly by: 'requests' | 'tokens' | 'concurrent'; readonly retryAfterMs: number; readonly levels: LimitLevels }
  /** It asks for more than the key has in a whole minute: no wait helps. */
  | { readonly kind: 'too-large'; readonly tokensPerMin: number }

/** The RPC face of the object that counts for one key. The limits come with each call: the list of keys is the gateway's. */
export interface LimiterApi {
  /** Counts the request, or refuses it and counts nothing. The same lease again is the same admission. SPEC KY4. */
  admit(limits: RateLimits, wanted: Wanted): Promise<Admission>
  /** The request is still under way. */
  renew(lease: string): Promise<void>
  /** The request is over and used so many tokens. Idempotent; unknown leases are fine. */
  settle(limits: RateLimits, lease: string, usedTokens: number): Promise<void>
}
