import { err } from './result.ts'

/**
 * Every expected failure, by code. `retryable`: the same request may succeed later. `overloaded`: refused before work began.
 * Classes do not survive RPC; these plain objects do. The gateway has the one mapping to HTTP.
 */
export const ERROR_CODES = {
  'invalid-request': { retryable: false, overloaded: false },
  'context-length-exceeded': { retryable: false, overloaded: false },
  'no-tokenizer': { retryable: false, overloaded: false },
  'unknown-model': { retryable: false, overloaded: false },
  'body-too-large': { retryable: false, overloaded: false },
  'headers-too-large': { retryable: false, overloaded: false },
  'url-too-long': { retryable: false, overloaded: false },
  'encoding-unsupported': { retryable: false, overloaded: false },
  /** No key, or none that is known; one that is known and may not do this; none set, or a list that cannot be read: then nobody may. */
  'key-invalid': { retryable: false, overloaded: false },
  forbidden: { retryable: false, overloaded: false },
  'no-keys': { retryable: false, overloaded: false },
  'keys-invalid': { retryable: false, overloaded: false },
  /** The key's limits; and that they cannot be checked. */
  'rate-limited': { retryable: true, overloaded: true },
  'limiter-unavailable': { retryable: true, overloaded: false },
  'unknown-request': { retryable: false, overloaded: false },
  /** The client does not read its answer. */
  'slow-reader': { retryable: false, overloaded: false },
  overloaded: { retryable: true, overloaded: true },
  loading: { retryable: true, overloaded: false },
  'not-resident': { retryable: true, overloaded: false },
  'hello-mismatch': { retryable: false, overloaded: false },
  'frame-invalid': { retryable: false, overloaded: false },
  'storage-unavailable': { retryable: true, overloaded: false },
  'weights-missing': { retryable: true, overloaded: false },
  'weights-corrupt': { retryable: true, overloaded: false },
  'probe-failed': { retryable: true, overloaded: false },
  'manifest-invalid': { retryable: false, overloaded: false },
  'host-unavailable': { retryable: true, overloaded: false },
  'over-budget': { retryable: false, overloaded: false },
  'grammar-unavailable': { retryable: true, overloaded: false },
  /** Something that excludes it is under way. */
  conflict: { retryable: true, overloaded: false },
  internal: { retryable: false, overloaded: false },
} as const

export type ErrorCode = keyof typeof ERROR_CODES

/** What each code carries beside its message. Never prompts, texts or keys. */
export interface ErrorDetails {
  'invalid-request': { param: string | null; reason: 'invalid_value' | 'unknown_parameter' | 'unsupported_parameter' | 'invalid_json' | 'not_found' }
  'context-length-exceeded': { promptTokens: number; contextTokens: number }
  'no-tokenizer': Record<never, never>
  'unknown-model': { model: string }
  'body-too-large': { maxBytes: number }
  'headers-too-large': { maxBytes: number; maxCount: number }
  'url-too-long': { maxChars: number }
  'encoding-unsupported': Record<never, never>
  'key-invalid': Record<never, never>
  forbidden: Record<never, never>
  'no-keys': { setting: string }
  'keys-invalid': { setting: string }
  'rate-limited': { limit: 'requests' | 'tokens' | 'concurrent'; retryAfterS: number }
  'limiter-unavailable': Record<never, never>
  'unknown-request': Record<never, never>
  'slow-reader': Record<never, never>
  overloaded: { retryAfterS: number }
  loading: { state: string }
  'not-resident': { layer: number; expert: number; epoch: number }
  'hello-mismatch': { field: string; want: string; got: string }
  'frame-invalid': { field: string; got: number; limit: number }
  'storage-unavailable': { object: string }
  'weights-missing': { object: string }
  'weights-corrupt': { object: string; offset: number }
  'probe-failed': { layer: number; expert: number }
  'manifest-invalid': { field: string }
  'host-unavailable': { host: string }
  'over-budget': { part: string; bytes: number; budgetBytes: number }
  'grammar-unavailable': Record<never, never>
  conflict: { event: number }
  internal: Record<never, never>
}

export type MoeErrorOf<C extends ErrorCode> = {
  readonly code: C
  readonly message: string
  readonly retryable: boolean
  readonly overloaded: boolean
  readonly details: ErrorDetails[C]
}

export type MoeError = { [C in ErrorCode]: MoeErrorOf<C> }[ErrorCode]

/** Builds the error object of one code; the flags come from the table. */
export function moeError<C extends ErrorCode>(code: C, message: string, details: ErrorDetails[C]): MoeErrorOf<C> {
  return { code, message, ...ERROR_CODES[code], details }
}

/** The same, as a failed result. */
export function fail<C extends ErrorCode>(code: C, message: string, details: ErrorDetails[C]): { readonly ok: false; readonly error: MoeErrorOf<C> } {
  return err(moeError(code, message, details))
}

/** True for a value that another isolate made with `moeError`. */
export function isMoeError(value: unknown): value is MoeError {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    Object.hasOwn(ERROR_CODES, value.code) &&
    'details' in value
  )
}
