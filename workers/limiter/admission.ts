import { LIMITS } from '../../shared/protocol/limits.ts'
import type { Admission, LimitLevel, LimitLevels, RateLimits, Wanted } from '../../shared/protocol/limiter-api.ts'
import { EMPTY_BUCKET, flowBack, remaining, spend, waitMs } from './rate-bucket.ts'
import type { RateBucket } from './rate-bucket.ts'

/** A request under way, and the tokens that it reserved. */
export interface Lease {
  readonly id: string
  readonly tokens: number
  readonly expiresMs: number
}

/** What is known of one key. */
export interface LimiterState {
  readonly requests: RateBucket
  /** What settled requests used. Those under way hold theirs beside it: nothing flows back of what may still be used. */
  readonly tokens: RateBucket
  readonly leases: readonly Lease[]
}

export const FRESH_STATE: LimiterState = { requests: EMPTY_BUCKET, tokens: EMPTY_BUCKET, leases: [] }

/**
 * Admits a request or says when to come again. A refused one counts as nothing, so that who comes again too early does not wait longer.
 * A lease that is there already is its own admission, given twice. SPEC KY4.
 */
export function admit(
  before: LimiterState,
  nowMs: number,
  limits: RateLimits,
  wanted: Wanted,
): { readonly state: LimiterState; readonly admission: Admission } {
  const state = flowed(before, nowMs, limits)
  const unchanged = state.leases === before.leases ? before : state // what time gave back need not be kept: it is found again
  const { requestsPerMin, tokensPerMin } = limits
  if (wanted.lease !== null && state.leases.some(({ id }) => id === wanted.lease)) return { state: unchanged, admission: admitted(state, limits) }
  if (tokensPerMin !== null && wanted.tokens > tokensPerMin) return { state: unchanged, admission: { kind: 'too-large', tokensPerMin } }

  const waits = {
    concurrent: wanted.lease !== null && state.leases.length >= Math.min(limits.concurrent ?? Infinity, LIMITS.keyLeasesMax) ? LEASE_WAIT_MS : 0,
    requests: requestsPerMin === null ? 0 : waitMs(state.requests, requestsPerMin, 0, 1),
    tokens: tokensPerMin === null ? 0 : waitMs(state.tokens, tokensPerMin, heldTokens(state), wanted.tokens),
  }
  const retryAfterMs = Math.max(waits.concurrent, waits.requests, waits.tokens)
  if (retryAfterMs > 0) {
    const by = (['requests', 'tokens', 'concurrent'] as const).find((limit) => waits[limit] === retryAfterMs)!
    return { state: unchanged, admission: { kind: 'refused', by, retryAfterMs, levels: levelsOf(state, limits) } }
  }

  const lease = wanted.lease === null ? [] : [{ id: wanted.lease, tokens: wanted.tokens, expiresMs: nowMs + LIMITS.leaseMs }]
  const after: LimiterState = {
    ...state,
    requests: requestsPerMin === null ? state.requests : spend(state.requests, 1),
    leases: [...state.leases, ...lease],
  }
  return { state: after, admission: admitted(after, limits) }
}

/** The request goes on. One whose lease is over stays over: its tokens are counted. */
export function renew(state: LimiterState, nowMs: number, lease: string): LimiterState {
  return { ...state, leases: state.leases.map((held) => (held.id === lease ? { ...held, expiresMs: nowMs + LIMITS.leaseMs } : held)) }
}

/** The request is over: what it used is spent, the rest of what it reserved is free. */
export function settle(before: LimiterState, nowMs: number, limits: RateLimits, lease: string, usedTokens: number): LimiterState {
  const state = flowed(before, nowMs, limits)
  if (!state.leases.some(({ id }) => id === lease)) return state
  return { ...state, tokens: spendTokens(state.tokens, limits, usedTokens), leases: state.leases.filter(({ id }) => id !== lease) }
}

/** When a slot gets free nobody knows: it is worth a look each second. */
const LEASE_WAIT_MS = 1000

/** Time gives back what was spent; a lease of which nothing was heard ends, and counts as used up: its gateway is gone and cannot say. */
function flowed(state: LimiterState, nowMs: number, limits: RateLimits): LimiterState {
  const { requestsPerMin, tokensPerMin } = limits
  const lost = state.leases.filter(({ expiresMs }) => expiresMs <= nowMs)
  const tokens = tokensPerMin === null ? state.tokens : flowBack(state.tokens, tokensPerMin, nowMs)
  return {
    requests: requestsPerMin === null ? state.requests : flowBack(state.requests, requestsPerMin, nowMs),
    tokens: spendTokens(tokens, limits, sumTokens(lost)),
    leases: lost.length === 0 ? state.leases : state.leases.filter(({ expiresMs }) => expiresMs > nowMs),
  }
}

/** Without a limit nothing is counted: what would flow back is not known. */
function spendTokens(bucket: RateBucket, { tokensPerMin }: RateLimits, count: number): RateBucket {
  return tokensPerMin === null ? bucket : spend(bucket, count)
}

function admitted(state: LimiterState, limits: RateLimits): Admission {
  return { kind: 'admitted', levels: levelsOf(state, limits) }
}

function levelsOf(state: LimiterState, { requestsPerMin, tokensPerMin }: RateLimits): LimitLevels {
  return {
    requests: requestsPerMin === null ? null : levelOf(state.requests, requestsPerMin, 0),
    tokens: tokensPerMin === null ? null : levelOf(state.tokens, tokensPerMin, heldTokens(state)),
  }
}

function levelOf(bucket: RateBucket, limit: number, held: number): LimitLevel {
  return { limit, remaining: remaining(bucket, limit, held), resetMs: waitMs(bucket, limit, held, limit) }
}

function heldTokens(state: LimiterState): number {
  return sumTokens(state.leases)
}

function sumTokens(leases: readonly Lease[]): number {
  return leases.reduce((sum, { tokens }) => sum + tokens, 0)
}
