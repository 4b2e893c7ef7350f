import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import type { Admission, LimiterApi, LimitLevels, Wanted } from '../../../shared/protocol/limiter-api.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { err, ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import type { GatewayDeps } from '../deps.ts'
import type { KnownKey } from './access-settings.ts'
import { callLimiter } from './call-limiter.ts'
import type { SpentKeys } from './spent-keys.ts'

/** What a request may use. */
export interface Allowance {
  /** Most new tokens of a sequence; null: as many as the context leaves. */
  readonly maxTokens: number | null
  /** Refuses what would be refused for certain. Asks nobody, so it stands before all work. */
  foresee(): Result<void, MoeError>
  /** Counts a request that generates nothing. */
  count(): Promise<Result<void, MoeError>>
  /** Counts a request that generates, and reserves the most tokens that it can use. */
  admit(tokensMost: number): Promise<Result<Admitted, MoeError>>
}

export interface Admitted {
  /** The request is over, and used so many tokens. Exactly one call, whatever ended it. */
  settle(usedTokens: number): void
}

/** Without a key, or with one that has no limits, nobody is asked. */
export const UNLIMITED: Allowance = {
  maxTokens: null,
  foresee: () => ok(undefined),
  count: async () => ok(undefined),
  admit: async () => ok({ settle: () => undefined }),
}

export type AllowanceDeps = Pick<GatewayDeps, 'limiter' | 'setTimer' | 'keepAlive' | 'log'>

/**
 * The allowance of one request by its key's limits. One call of the limiter before the work, one after it; a request that takes long is
 * renewed in between, so that one whose gateway is lost does not hold its slot. Where the limiter cannot be asked the request is refused:
 * what cannot be counted would be free. SPEC KY4 to KY7.
 * @param onLevels told how the limits stand, whether it was admitted or not.
 */
export function keyAllowance(
  deps: AllowanceDeps,
  { name, limits }: KnownKey,
  spent: SpentKeys,
  requestId: string,
  onLevels: (levels: LimitLevels) => void,
): Allowance {
  const { maxTokens, ...rates } = limits
  if (Object.values(rates).every((limit) => limit === null)) return { ...UNLIMITED, maxTokens }
  const ask = <T>(call: (limiter: LimiterApi) => Promise<T>): Promise<Result<T, MoeError>> => callLimiter(deps, () => call(deps.limiter(name)))

  function tell(admission: Admission, tokens: number): Result<void, MoeError> {
    if (admission.kind !== 'too-large') onLevels(admission.levels)
    return asResult(admission, tokens)
  }

  async function request(wanted: Wanted): Promise<Result<void, MoeError>> {
    const answer = await ask((limiter) => limiter.admit(rates, wanted))
    if (!answer.ok) return answer
    if (answer.value.kind === 'refused') spent.note(name, answer.value)
    return tell(answer.value, wanted.tokens)
  }

  function hold(): Admitted {
    let stop = deps.setTimer(LIMITS.leaseRenewMs, renew)
    function renew(): void {
      deps.keepAlive(ask((limiter) => limiter.renew(requestId)))
      stop = deps.setTimer(LIMITS.leaseRenewMs, renew)
    }
    return {
      settle(usedTokens) {
        stop()
        deps.keepAlive(ask((limiter) => limiter.settle(rates, requestId, usedTokens)))
      },
    }
  }

  return {
    maxTokens,
    foresee() {
      const refused = spent.find(name)
      return refused === null ? ok(undefined) : tell(refused, 0)
    },
    count: () => request({ lease: null, tokens: 0 }),
    async admit(tokens) {
      const counted = await request({ lease: requestId, tokens })
      return counted.ok ? ok(hold()) : counted
    },
  }
}

const LIMIT_WORDS = { requests: 'requests a minute', tokens: 'tokens a minute', concurrent: 'requests at once' } as const

function asResult(admission: Admission, tokens: number): Result<void, MoeError> {
  switch (admission.kind) {
    case 'admitted':
      return ok(undefined)
    case 'refused': {
      const retryAfterS = Math.max(1, Math.ceil(admission.retryAfterMs / 1000))
      const message = `This key's limit of ${LIMIT_WORDS[admission.by]} is reached: try again in ${retryAfterS} s.`
      return fail('rate-limited', message, { limit: admission.by, retryAfterS })
    }
    case 'too-large': {
      const message = `The prompt and its answer may together be ${tokens} tokens, and this key has ${admission.tokensPerMin} a minute: ask for fewer.`
      return err(invalidTokens(message))
    }
  }
}

/** The most new tokens of a sequence: those that the request asks for, else the key's. Asking for more than the key has is refused, never cut. */
export function allowedTokens({ maxTokens }: Pick<Allowance, 'maxTokens'>, asked: number | null): Result<number | null, MoeError> {
  if (asked === null || maxTokens === null || asked <= maxTokens) return ok(asked ?? maxTokens)
  return err(invalidTokens(`This key has at most ${maxTokens} new tokens for an answer, the request asks for ${asked}.`))
}

function invalidTokens(message: string): MoeError {
  return fail('invalid-request', message, { param: 'max_tokens', reason: 'invalid_value' }).error
}
