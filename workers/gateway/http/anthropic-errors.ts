import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** Anthropic's error envelope. */
export interface AnthropicError {
  readonly type: 'error'
  readonly error: { readonly type: string; readonly message: string }
  readonly request_id: string
}

/** Anthropic's classes of error; other faults of the caller are invalid_request_error, all others api_error. */
const TYPES: Partial<Record<ContentfulStatusCode, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  414: 'invalid_request_error',
  415: 'invalid_request_error',
  429: 'rate_limit_error',
  431: 'invalid_request_error',
}

export const ANTHROPIC_ERROR_TYPES = ['invalid_request_error', 'api_error', ...Object.values(TYPES)]

/** Whether whoever asks for this path reads errors in Anthropic's form. */
export function speaksAnthropic(path: string): boolean {
  return path === '/v1/messages' || path.startsWith('/v1/messages/')
}

/** @param requestId as it stands in x-request-id, without `req_`. */
export function anthropicError(status: ContentfulStatusCode, message: string, requestId: string): AnthropicError {
  return { type: 'error', error: { type: TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'), message }, request_id: `req_${requestId}` }
}
