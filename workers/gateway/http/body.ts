import { fail } from '../../../shared/protocol/errors.ts'
import type { MoeError } from '../../../shared/protocol/errors.ts'
import { LIMITS } from '../../../shared/protocol/limits.ts'
import { ok } from '../../../shared/protocol/result.ts'
import type { Result } from '../../../shared/protocol/result.ts'
import { tooMuchJson } from './body-shape.ts'

/**
 * Reads a request's body as JSON, whatever its content type says. SPEC AP9.
 * Errors: `body-too-large` as soon as the limit is passed; `invalid-request` if it is not JSON in UTF-8,
 * or has more parts than any request.
 * Not hono's bodyLimit: it puts a new Request in the place of the old one, and the new one's signal does not see the client leave.
 */
export async function readJson(request: Request): Promise<Result<unknown, MoeError>> {
  if (Number(request.headers.get('content-length')) > LIMITS.bodyBytesMax) return tooLarge()
  const bytes = await readBytes(request.body, LIMITS.bodyBytesMax)
  if (bytes === null) return tooLarge()
  const tooMuch = tooMuchJson(bytes)
  if (tooMuch !== null) return fail('invalid-request', `The body ${tooMuch}.`, { param: null, reason: 'invalid_value' })
  try {
    // fatal: a broken character would silently change the prompt.
    return ok(JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)))
  } catch {
    return fail('invalid-request', 'The body is not valid JSON in UTF-8.', { param: null, reason: 'invalid_json' })
  }
}

/** The whole body, or null if it is longer than allowed: the length a client states is not trusted. */
async function readBytes(body: ReadableStream<Uint8Array> | null, bytesMax: number): Promise<Uint8Array | null> {
  if (body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return join(chunks, length)
    length += value.byteLength
    if (length > bytesMax) {
      reader.releaseLock() // what is left is readRest's
      return null
    }
    chunks.push(value)
  }
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}

function tooLarge(): { readonly ok: false; readonly error: MoeError } {
  return fail('body-too-large', `The body has more than ${LIMITS.bodyBytesMax} bytes.`, { maxBytes: LIMITS.bodyBytesMax })
}
