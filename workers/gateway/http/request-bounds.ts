import type { MiddlewareHandler } from 'hono'
import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { orRefuse } from './errors.ts'

/** Refuses what no client of this API sends, before anything of it is used. What workerd itself refuses comes first (docs/design/keys.md). SPEC KY8. */
export const requestBounds: MiddlewareHandler = async (c, next) => {
  orRefuse(checkRequest(c.req.raw))
  await next()
}

function checkRequest({ url, headers }: Request): Result<void, MoeError> {
  if (url.length > LIMITS.urlCharsMax) return fail('url-too-long', `The URL has more than ${LIMITS.urlCharsMax} characters.`, { maxChars: LIMITS.urlCharsMax })
  let count = 0
  let bytes = 0
  for (const [name, value] of headers) {
    count++
    bytes += name.length + value.length
  }
  if (count > LIMITS.headersMax || bytes > LIMITS.headerBytesMax) {
    const message = `The request may have ${LIMITS.headersMax} headers and ${LIMITS.headerBytesMax} bytes of them.`
    return fail('headers-too-large', message, { maxBytes: LIMITS.headerBytesMax, maxCount: LIMITS.headersMax })
  }
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
  if (encoding !== 'identity' && encoding !== '') return fail('encoding-unsupported', 'Bodies are read as they come: send them without content-encoding.', {})
  return ok(undefined)
}
