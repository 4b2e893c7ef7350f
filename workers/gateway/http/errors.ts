import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { moeError } from '../../../shared/protocol/errors.ts'
import type { ErrorCode, ErrorDetails, MoeError } from '../../../shared/protocol/errors.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { anthropicError, speaksAnthropic } from './anthropic-errors.ts'
import { echo } from '../../../shared/protocol/echo.ts'
import type { GatewayEnv } from './request-id.ts'

interface HttpError {
  readonly status: ContentfulStatusCode
  /** OpenAI's class of error; clients choose exceptions by status and show this. */
  readonly type: 'invalid_request_error' | 'rate_limit_error' | 'server_error'
  readonly code: string
  /** Seconds after which the same request may do; sent as retry-after. */
  readonly retryAfterS?: number
}

const refused = { status: 400, type: 'invalid_request_error' } as const
const broken = { status: 500, type: 'server_error' } as const
const unavailable = { status: 503, type: 'server_error', retryAfterS: 1 } as const

/** The one mapping from our errors to HTTP and OpenAI's envelope. */
const HTTP_ERRORS = {
  'invalid-request': { ...refused, code: 'invalid_request' },
  'context-length-exceeded': { ...refused, code: 'context_length_exceeded' },
  'no-tokenizer': { ...refused, code: 'no_tokenizer' },
  'unknown-model': { ...refused, status: 404, code: 'model_not_found' },
  'body-too-large': { ...refused, status: 413, code: 'body_too_large' },
  'headers-too-large': { ...refused, status: 431, code: 'headers_too_large' },
  'url-too-long': { ...refused, status: 414, code: 'url_too_long' },
  'encoding-unsupported': { ...refused, status: 415, code: 'unsupported_content_encoding' },
  'key-invalid': { ...refused, status: 401, code: 'invalid_api_key' },
  forbidden: { ...refused, status: 403, code: 'forbidden' },
  'no-keys': { ...broken, status: 503, code: 'no_keys' },
  'keys-invalid': { ...broken, status: 503, code: 'keys_invalid' },
  'rate-limited': { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  'limiter-unavailable': { ...unavailable, code: 'limiter_unavailable' },
  'unknown-request': { ...broken, code: 'unknown_request' },
  'slow-reader': { ...refused, status: 408, code: 'slow_reader' },
  overloaded: { status: 429, type: 'rate_limit_error', code: 'overloaded' },
  loading: { ...unavailable, code: 'loading', retryAfterS: 2 },
  'not-resident': { ...unavailable, code: 'not_resident' },
  'hello-mismatch': { ...broken, code: 'hello_mismatch' },
  'frame-invalid': { ...broken, code: 'frame_invalid' },
  'storage-unavailable': { ...unavailable, code: 'storage_unavailable' },
  'weights-missing': { ...unavailable, code: 'weights_missing' },
  'weights-corrupt': { ...unavailable, code: 'weights_corrupt' },
  'probe-failed': { ...unavailable, code: 'probe_failed' },
  'manifest-invalid': { ...broken, code: 'manifest_invalid' },
  'host-unavailable': { ...unavailable, code: 'host_unavailable' },
  'over-budget': { ...broken, code: 'over_budget' },
  'grammar-unavailable': { ...unavailable, code: 'grammar_unavailable' },
  conflict: { ...refused, status: 409, code: 'conflict', retryAfterS: 1 },
  internal: { ...broken, code: 'internal_error' },
} as const satisfies Record<ErrorCode, HttpError>

/** `invalid-request` says more in its reason. */
const INVALID_REQUESTS = {
  invalid_value: { ...refused, code: 'invalid_value' },
  invalid_json: { ...refused, code: 'invalid_json' },
  unknown_parameter: { ...refused, code: 'unknown_parameter' },
  unsupported_parameter: { ...refused, code: 'unsupported_parameter' },
  not_found: { ...refused, status: 404, code: 'not_found' },
} as const satisfies Record<ErrorDetails['invalid-request']['reason'], HttpError>

/** Of HTTP alone: no part behind the gateway knows of methods. */
const METHOD_NOT_ALLOWED = 'method_not_allowed'

/** Every code that an answer may have. */
export const ERROR_CODES: readonly string[] = [...Object.values(HTTP_ERRORS), ...Object.values(INVALID_REQUESTS), { code: METHOD_NOT_ALLOWED }].map(
  ({ code }) => code,
)

export interface ErrorEnvelope {
  readonly error: { readonly message: string; readonly type: HttpError['type']; readonly param: string | null; readonly code: string }
}

/** Carries an expected failure from a route to `onError`; it never leaves the gateway. */
export class Refusal extends Error {
  readonly reason: MoeError

  constructor(reason: MoeError) {
    super(reason.message)
    this.reason = reason
  }
}

/** The value, or the failure as the route's answer. */
export function orRefuse<T>(result: Result<T, MoeError>): T {
  if (result.ok) return result.value
  throw new Refusal(result.error)
}

/** The failure of a route as a value; anything that is not a Refusal is a fault of ours. */
export function asMoeError(error: unknown): MoeError {
  return error instanceof Refusal ? error.reason : moeError('internal', 'internal', {})
}

/** What clients see of an error. `internal` shows nothing of its cause. */
export function errorEnvelope(error: MoeError): ErrorEnvelope {
  const { type, code } = httpError(error)
  const message = error.code === 'internal' ? 'The server had an error while it processed the request.' : error.message
  return { error: { message, type, param: error.code === 'invalid-request' ? error.details.param : null, code } }
}

export function errorResponse(c: Context<GatewayEnv>, error: MoeError): Response {
  const { status, retryAfterS } = httpError(error)
  const wait = 'retryAfterS' in error.details ? error.details.retryAfterS : retryAfterS
  if (wait !== undefined) c.header('retry-after', String(wait))
  if (error.code === 'key-invalid') c.header('www-authenticate', 'Bearer realm="isomoe"')
  return envelopeResponse(c, errorEnvelope(error), status)
}

export function statusOf(error: MoeError): ContentfulStatusCode {
  return httpError(error).status
}

export function methodNotAllowed(c: Context<GatewayEnv>, methods: readonly string[]): Response {
  c.header('allow', methods.join(', '))
  const message = `${echo(c.req.path)} answers ${methods.join(', ')}, not ${echo(c.req.method)}.`
  return envelopeResponse(c, { error: { message, type: 'invalid_request_error', param: null, code: METHOD_NOT_ALLOWED } }, 405)
}

/** In the form that the clients of the path read. SPEC AP1, AP14. */
function envelopeResponse(c: Context<GatewayEnv>, envelope: ErrorEnvelope, status: ContentfulStatusCode): Response {
  c.get('record').code = envelope.error.code
  if (!speaksAnthropic(c.req.path)) return c.json(envelope, status)
  return c.json(anthropicError(status, envelope.error.message, c.get('requestId')), status)
}

function httpError(error: MoeError): HttpError {
  return error.code === 'invalid-request' ? INVALID_REQUESTS[error.details.reason] : HTTP_ERRORS[error.code]
}
