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
  const read = await readBytes(request.body, LIMITS.bodyBytesMax)
  if (!read.ok) return read
  const bytes = read.value
  const tooMuch = tooMuchJson(bytes)
  if (tooMuch !== null) return fail('invalid-request', `The body ${tooMuch}.`, { param: null, reason: 'invalid_value' })
  try {
    // fatal: a broken character would silently change the prompt.
    return ok(JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)))
  } catch {
    return fail('invalid-request', 'The body is not valid JSON in UTF-8.', { param: null, reason: 'invalid_json' })
  }
}

/** The whole body. The length a client states is not trusted. */
async function readBytes(body: ReadableStream<Uint8Array> | null, bytesMax: number): Promise<Result<Uint8Array, MoeError>> {
  if (body === null) return ok(new Uint8Array())
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body.getReader()
  for (;;) {
    const part = await readPart(reader)
    if (part === null) return fail('invalid-request', 'The body broke off before its end.', { param: null, reason: 'invalid_json' })
    if (part.done) return ok(join(chunks, length))
    length += part.value.byteLength
    if (length > bytesMax) {
      reader.releaseLock() // what is left is readRest's
      return tooLarge()
    }
    chunks.push(part.value)
  }
}

/** Null where the body breaks: its client left, or its chunks are no chunks. Only the client can be at fault, so it is no error of the server. */
async function readPart(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<ReadableStreamReadResult<Uint8Array> | null> {
  try {
    return await reader.read()
  } catch {
    return null
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
