import type { MiddlewareHandler } from 'hono'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import type { GatewayDeps } from '../deps.ts'

/** Of a body that a handler leaves unread, workerd reads so many by itself (kj's `canceledUploadGraceBytes`). */
const LEFT_BYTES_MAX = 65_536

/**
 * Reads on what nobody read of a refused request's body, so that its sender sees why: workerd closes a connection on which much was left unread,
 * and a client that is still writing meets a broken pipe in the place of its 401, 413 or 429. SPEC CF5.
 * What is read is dropped, `bodyRestBytesMax` at most and for `bodyRestMs` at most: a sender of more meets the broken pipe.
 */
export function readRest({ setTimer }: Pick<GatewayDeps, 'setTimer'>): MiddlewareHandler {
  return async (c, next) => {
    await next()
    const { body, headers } = c.req.raw
    if (c.res.status < 400 || body === null || body.locked) return
    const stated = headers.get('content-length')
    if (stated !== null && Number(stated) <= LEFT_BYTES_MAX) return
    const reader = body.getReader()
    const clear = setTimer(LIMITS.bodyRestMs, () => void reader.cancel().catch(() => {})) // its sender may have left
    await dropAll(reader)
    clear()
  }
}

async function dropAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  let length = 0
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.byteLength
      if (length > LIMITS.bodyRestBytesMax) return await reader.cancel()
    }
  } catch {
    // Its sender left: there is nobody to answer.
  }
}
